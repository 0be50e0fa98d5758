"""An environment whose every step is known beforehand, and runners on it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

OBSERVATIONS = {
    "vector": gym.spaces.Box(-np.inf, np.inf, (3,), np.float32),
    "doubles": gym.spaces.Box(-np.inf, np.inf, (3,), np.float64),
    "bytes": gym.spaces.Box(0, 255, (4,), np.uint8),
    "number": gym.spaces.Discrete(7),
    "image": gym.spaces.Box(0.0, 1.0, (10, 10, 2), np.float32),
    "dict": gym.spaces.Dict({"a": gym.spaces.Box(-9, 9, (2,), np.float32), "b": gym.spaces.Discrete(3)}),
}
ACTIONS = {
    "discrete": gym.spaces.Discrete(4),
    "box": gym.spaces.Box(-2.0, 3.0, (2,), np.float32),
    "multi": gym.spaces.MultiDiscrete([2, 3]),
}


class Clockwork(gym.Env):
    """Episodes of the given lengths, in turn; even ones terminate, odd ones are truncated.

    The seed says where in the list to begin, so that neighbours differ. A step's reward and info depend on
    the episode, the step and the action.
    """

    def __init__(
        self, lengths: tuple[int, ...] = (3, 1, 5), observation: str = "vector", action: str = "discrete"
    ):
        self.lengths, self.observation_space, self.action_space = (
            lengths,
            OBSERVATIONS[observation],
            ACTIONS[action],
        )
        self.observation_space.seed(0)
        self._kind, self._episode = observation, -1

    def reset(self, *, seed: int | None = None, options: Any = None):
        if seed is not None:
            self._episode = seed % len(self.lengths) - 1
        self._episode += 1
        self._step = 0
        return self._look(), {"began": float(self._episode)}

    def step(self, action: Any):
        self._step += 1
        ended = self._step >= self.lengths[self._episode % len(self.lengths)]
        terminated = ended and self._episode % 2 == 0
        reward = self._episode + self._step / 7 + float(np.sum(action)) / 3
        info = {"step": float(self._step)} | ({"success": bool(terminated)} if ended else {})
        return self._look(), reward, terminated, ended and not terminated, info

    def _look(self):
        number = self._episode * 10 + self._step
        if self._kind in ("vector", "doubles"):
            return np.array([number, self._step, 1.0], self.observation_space.dtype) / 10
        if self._kind == "bytes":
            return np.array([number % 256, self._step, 1, 255], np.uint8)
        if self._kind == "image":
            return np.full((10, 10, 2), number % 90 / 90, np.float32)
        if self._kind == "number":
            return number % 7
        return {"a": np.array([self._step, 1.0], np.float32) % 9, "b": number % 3}


def config(cls: type, num_envs: int = 3, **env: Any):
    """PPO's config on `Clockwork`, sampling with the runner class `cls`."""
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.connectors.env_to_module import FlattenObservations

    from rlexp.compat import rllib_without_ray
    from rlexp.models.observation_connectors import FloatObservations

    rllib_without_ray.install()
    flat = env.get("observation") in ("number", "dict")
    pieces = {"bytes": [FloatObservations]}.get(
        env.get("observation", ""), [FlattenObservations] if flat else []
    )
    return (
        PPOConfig()
        .environment(lambda context: Clockwork(**env))
        .env_runners(
            env_runner_cls=cls,
            num_env_runners=0,
            num_envs_per_env_runner=num_envs,
            env_to_module_connector=lambda *_: [piece() for piece in pieces],
        )
        .rl_module(model_config={"fcnet_hiddens": [8]})
        .debugging(seed=0, log_level="ERROR")
    )


def canonical(episode: Any) -> tuple[Any, ...]:
    """All that one episode, or a part of one, holds, in a form that can be compared and sorted."""
    names = sorted(set(episode.extra_model_outputs) - {"weights_seq_no", "state_out"})
    return (
        episode.t_started,
        len(episode),
        bool(episode.is_terminated),
        bool(episode.is_truncated),
        _bytes(episode.get_observations()),
        _bytes(episode.get_actions()),
        _bytes(np.asarray(episode.get_rewards(), np.float32)),
        *(_bytes(episode.get_extra_model_outputs(name)) for name in names),
    )


def _bytes(values: Any) -> bytes:
    return np.asarray(values).astype(np.float32).round(4).tobytes()
