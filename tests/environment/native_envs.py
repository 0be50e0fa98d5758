"""Vector environments of arrays that misbehave on purpose, and RLlib's env runners on native vector environments."""

from __future__ import annotations

from typing import Any

import numpy as np
from env_choices import TRUSTED
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from rlexp.config.schema import EnvChoice
from rlexp.environment.native_vector import make_native

HERE = [*TRUSTED, __name__]


class Counters(VectorEnv):
    """Each environment counts its steps and ends after `length`; the observation is always the same buffer.

    Args:
        num_envs: environments.
        length: of an episode; environment i ends its first one i steps earlier.
        crash_at: vector steps, counted from 1 over the life of the process, that raise; `always`: all.
        bad_at: the vector step that returns `bad` in `field` of environment 1.
        autoreset: how it says that it resets.
    """

    lived = 0

    def __init__(
        self,
        num_envs: int = 1,
        length: int = 4,
        crash_at: tuple[int, ...] = (),
        always: bool = False,
        bad_at: int = 0,
        bad: float = np.nan,
        field: str = "observation",
        autoreset: str = "NextStep",
        endless: bool = False,
    ) -> None:
        self.num_envs, self.length = num_envs, length
        self.metadata = {"autoreset_mode": AutoresetMode(autoreset)}
        self.single_observation_space = spaces.Box(0, np.inf, (2,), np.float32)
        self.single_action_space = spaces.Discrete(2)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.crash_at, self.always, self.endless = crash_at, always, endless
        self.bad_at, self.bad, self.field = bad_at, bad, field
        self.buffer = np.zeros((num_envs, 2), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.count, self.done = np.arange(self.num_envs) % self.length, np.zeros(self.num_envs, bool)
        return self._seen(), {"count": self.count.copy()}

    def step(self, actions: Any) -> Any:
        type(self).lived += 1
        if self.always or self.lived in self.crash_at:
            raise RuntimeError("the simulator crashed")
        self.count = np.where(self.done, 0, self.count + 1)
        began, self.done = self.done, self.count >= self.length
        if self.endless:
            self.done = self.done | began
        rewards = np.where(began, 7, 1)
        seen = self._seen()
        if self.lived == self.bad_at and self.field == "observation":
            seen[1, 1] = self.bad
        if self.lived == self.bad_at and self.field == "reward":
            rewards = np.where(np.arange(self.num_envs) == 1, self.bad, rewards)
        return seen, rewards, self.done, np.zeros(self.num_envs, bool), {"count": self.count.copy()}

    def _seen(self) -> np.ndarray:
        self.buffer[:, 0] = self.count
        self.buffer[:, 1] = 1
        return self.buffer


def counters(**config: Any) -> EnvChoice:
    Counters.lived = 0
    return EnvChoice(id=f"{__name__}.Counters", config=config)


def runner(choice: EnvChoice, fast: bool, num_envs: int = 3, worker_index: int = 0, seed: int = 7) -> Any:
    """An env runner as a run with `vector_entry_point` has it, without a Ray session."""
    from ray.rllib.algorithms.ppo import PPOConfig
    from rllib_runs import run_config

    from rlexp.compat import rllib_without_ray
    from rlexp.engine.callbacks.failure_counter import FailureCounter
    from rlexp.engine.runners.fast_runner import FastEnvRunner
    from rlexp.engine.runners.guarded_runner import GuardedEnvRunner
    from rlexp.environment.make import rllib_environment

    rllib_without_ray.install()
    config = (
        PPOConfig()
        .environment(**rllib_environment(run_config(choice, HERE)))
        .env_runners(
            num_env_runners=2 * bool(worker_index),
            num_envs_per_env_runner=num_envs,
            gym_env_vectorize_mode="vector_entry_point",
        )
        .rl_module(model_config={"fcnet_hiddens": [8]})
        .callbacks([FailureCounter])
        .debugging(seed=seed, log_level="ERROR")
    )
    return (FastEnvRunner if fast else GuardedEnvRunner)(config=config, worker_index=worker_index)


def stepped(choice: EnvChoice, steps: int, num_envs: int = 3) -> list[Any]:
    """What a vector environment returns, step by step, the reset first."""
    vector = make_native(choice, HERE, num_envs)
    reset = vector.reset(seed=3)
    none = np.zeros(num_envs, bool)
    made = [(reset[0], np.zeros(num_envs), none, none, reset[1])]
    made += [vector.step(np.zeros(num_envs, np.int64)) for _ in range(steps)]
    vector.close()
    return made
