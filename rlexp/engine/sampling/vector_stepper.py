"""Steps the sub-environments of Gymnasium's synchronous vector environment with less around them.

`SyncVectorEnv.step` fills a buffer, concatenates it and copies the result, and each sub-environment that
RLlib makes has two checking wrappers around our own guard. For cheap environments that is as much as their
step. Here observations go straight into the array that is handed out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker

Stepped = tuple[Any, Any, Any, Any, dict[str, Any]]


def stepper(vector: VectorEnv) -> Callable[[Any], Stepped]:
    """`vector.step`, or something quicker that does the same; what it returns is never written to again."""
    plain = type(vector) is SyncVectorEnv and vector.autoreset_mode == AutoresetMode.NEXT_STEP
    if plain and isinstance(vector.single_observation_space, gym.spaces.Box) and _is_array(vector):
        return _SyncStepper(vector)
    return vector.step


def _is_array(vector: VectorEnv) -> bool:
    return isinstance(
        vector.single_action_space, (gym.spaces.Box, gym.spaces.Discrete, gym.spaces.MultiDiscrete)
    )


class _SyncStepper:
    def __init__(self, vector: SyncVectorEnv) -> None:
        self._vector = vector
        self._envs = [_past_checks(env) for env in vector.envs]
        space = vector.single_observation_space
        self._shape, self._dtype = (len(self._envs), *(space.shape or ())), space.dtype

    def __call__(self, actions: Any) -> Stepped:
        """One step of each, by Gymnasium's next-step autoreset."""
        vector, count = self._vector, len(self._envs)
        observations = np.empty(self._shape, self._dtype)
        rewards = np.zeros(count, np.float64)
        terminated, truncated = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
        infos: dict[str, Any] = {}
        resetting = vector._autoreset_envs.tolist()
        for i, env in enumerate(self._envs):
            if resetting[i]:
                observations[i], info = env.reset()
            else:
                observations[i], rewards[i], terminated[i], truncated[i], info = env.step(actions[i])
            if info:
                infos = vector._add_info(infos, info, i)
        vector._autoreset_envs = terminated | truncated
        return observations, rewards, terminated, truncated, infos


def _past_checks(env: gym.Env) -> gym.Env:
    """`env` without Gymnasium's outermost checks of what the guard inside them watches anyway."""
    while isinstance(env, (OrderEnforcing, PassiveEnvChecker)):
        env = env.env
    return env
