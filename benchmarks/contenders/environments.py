"""The environments, the same object for every contender; `rlexp` makes them from its own choices (`RLEXP`)."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

GYMNASIUM = {"cartpole": "CartPole-v1", "acrobot": "Acrobot-v1", "pendulum": "Pendulum-v1"}
ENVPOOL = {**GYMNASIUM, "pong": "Pong-v5"}
RLEXP = {"doorkey": "minigrid", "pong": "atari"}
"""The choice of `conf/env` where it has another name."""


class Numbers(gymnasium.Env):
    """Random numbers that cost next to nothing to make: observations of any size, two actions, 100 steps an episode."""

    def __init__(self, size: int = 4) -> None:
        self.observation_space = spaces.Box(-1.0, 1.0, (size,), np.float32)
        self.action_space = spaces.Discrete(2)
        self._pool = np.random.default_rng(0).uniform(-1, 1, (64, size)).astype(np.float32)
        self._step = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        """As Gymnasium's."""
        super().reset(seed=seed)
        self._step = 0
        return self._pool[0], {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        """As Gymnasium's."""
        self._step += 1
        return self._pool[self._step % 64], 1.0, False, self._step == 100, {}


def make(name: str) -> gymnasium.Env:
    """One environment.

    Args:
        name: a key of `GYMNASIUM`, `doorkey` (MiniGrid 5x5, the agent's view as a one-hot vector), `pong` (grey 84x84,
            four frames, float32 from 0 to 1), or `numbers:<size>`.
    """
    if name in GYMNASIUM:
        return gymnasium.make(GYMNASIUM[name], disable_env_checker=True)
    if name.startswith("numbers:"):
        return Numbers(int(name.partition(":")[2]))
    if name == "doorkey":
        from envs.minigrid import minigrid_env

        return minigrid_env()
    assert name == "pong", name
    from envs.atari import atari

    return atari()


def vector(name: str, num_envs: int) -> gymnasium.vector.VectorEnv:
    """`num_envs` of them, stepped in turn."""
    return gymnasium.vector.SyncVectorEnv([lambda: make(name)] * num_envs)


def fastest_vector(name: str, num_envs: int) -> gymnasium.vector.VectorEnv:
    """As `vector`; arithmetic over arrays where Gymnasium has such an implementation."""
    if name in GYMNASIUM and gymnasium.spec(GYMNASIUM[name]).vector_entry_point is not None:
        return gymnasium.make_vec(GYMNASIUM[name], num_envs, vectorization_mode="vector_entry_point")
    return vector(name, num_envs)


class EnvPoolVector:
    """EnvPool's environments where `vector` gives Gymnasium's: one thread, observations of the same shape and scale."""

    def __init__(self, name: str, num_envs: int, seed: int = 0) -> None:
        import envpool

        self._image = name == "pong"
        settings = {"repeat_action_probability": 0.0, "reward_clip": True} if self._image else {}
        self._envs = envpool.make(
            ENVPOOL[name], env_type="gymnasium", num_envs=num_envs, num_threads=1, seed=seed, **settings
        )
        self.single_action_space = self._envs.action_space
        space = self._envs.observation_space
        self.single_observation_space = (
            spaces.Box(0.0, 1.0, (84, 84, 4), np.float32)
            if self._image
            else spaces.Box(space.low, space.high, space.shape, np.float32)
        )

    def reset(self, seed: int | None = None) -> tuple[np.ndarray, dict]:
        """As Gymnasium's; the seed was given when the environments were made."""
        observations, infos = self._envs.reset()
        return self._seen(observations), infos

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, Any, Any, Any, dict]:
        """As Gymnasium's, in the next-step mode of autoreset."""
        observations, *rest = self._envs.step(actions)
        return (self._seen(observations), *rest)

    def _seen(self, observations: np.ndarray) -> np.ndarray:
        if not self._image:
            return observations.astype(np.float32, copy=False)
        return np.moveaxis(observations, 1, -1).astype(np.float32) / np.float32(255)
