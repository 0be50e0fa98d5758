"""An environment whose observation is a dict."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np


class Bag(gym.Env[dict[str, Any], np.int64]):
    """A vector and a number, at random; ten steps an episode."""

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Dict(
            {"a": gym.spaces.Box(-1, 1, (2,), np.float32), "b": gym.spaces.Discrete(3)}
        )
        self.action_space = gym.spaces.Discrete(2)
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        super().reset(seed=seed)
        self._steps = 0
        if seed is not None:
            self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action: np.int64) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        self._steps += 1
        return self.observation_space.sample(), float(action), self._steps == 10, False, {}
