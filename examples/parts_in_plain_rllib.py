"""Single parts of rlexp in a script of plain RLlib: its guarded environment, and its fast sampling and learning.

Shows: `make_env` as an environment creator, so that a step that raises costs an episode instead of the run, and
`install`, which gives an AlgorithmConfig the fast path where it can take it, and says so.
Prints: which path is taken and why, and steps of two iterations with the environment failing now and then.
"""

from __future__ import annotations

import os
from typing import Any

import gymnasium as gym
import numpy as np
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.tune.registry import register_env

from rlexp.config.schema import EnvChoice
from rlexp.engine.install_fast_path import install
from rlexp.environment.make import make_env


class Flaky(gym.Wrapper[Any, Any, Any, Any]):
    """CartPole whose simulator fails in about one step of a hundred."""

    def __init__(self) -> None:
        super().__init__(gym.make("CartPole-v1"))
        self._luck = np.random.default_rng(0)

    def step(self, action: Any) -> Any:
        """As CartPole, or an error."""
        if self._luck.random() < 0.01:
            raise RuntimeError("the simulator lost its connection")
        return self.env.step(action)


def guarded(_: Any) -> gym.Env[Any, Any]:
    """What RLlib calls for each environment."""
    trusted = ["gymnasium", "__main__", "parts_in_plain_rllib"]
    return make_env(EnvChoice(id=f"{Flaky.__module__}.Flaky"), trusted)


def main() -> None:
    """Two iterations of PPO, without any of rlexp's config."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    register_env("flaky", guarded)
    env = guarded({})
    config = (
        PPOConfig()
        .environment("flaky")
        .env_runners(num_env_runners=0, num_envs_per_env_runner=4)
        .callbacks([RLlibCallback])  # as a list, which `install` looks through
        .training(train_batch_size_per_learner=1000, minibatch_size=250, num_epochs=2)
    )
    print(install(config, "auto", (env.observation_space, env.action_space)))
    algorithm = config.build_algo()
    for _ in range(2):
        result = algorithm.train()
        print("steps", int(result["num_env_steps_sampled_lifetime"]))
    algorithm.stop()


if __name__ == "__main__":
    main()
