"""An environment of one's own, checked and trained in.

Shows: a Gymnasium class, `rlexp.testing.check_environment`, and a run that names the class by import path.
Prints: that the environment is sound, and the mean return of the last iteration (about 0.6 is the best).
"""

from __future__ import annotations

import tempfile
from typing import Any

import gymnasium as gym
import numpy as np

import rlexp
from rlexp.testing import check_environment


class Corridor(gym.Env[np.ndarray, np.int64]):
    """Walk `length` cells to the right. Observation: the position, 0 to 1; reward: 1 at the end, -0.1 a step."""

    observation_space = gym.spaces.Box(0.0, 1.0, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, length: int = 5) -> None:
        self.length, self.position = length, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Back to the left end."""
        super().reset(seed=seed)
        self.position = 0
        return self._observe(), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One cell to the left or to the right."""
        self.position = max(0, self.position + (1 if action == 1 else -1))
        arrived = self.position == self.length
        return self._observe(), 1.0 if arrived else -0.1, arrived, False, {"success": arrived}

    def _observe(self) -> np.ndarray:
        return np.array([self.position / self.length], np.float32)


def main() -> None:
    """Checks the environment, then trains in it."""
    check_environment("own_env.Corridor", length=5, max_episode_steps=30)
    print("sound")
    with tempfile.TemporaryDirectory() as folder:
        config = rlexp.compose(
            [
                "env=gym",
                "env.id=own_env.Corridor",
                "env.config={length: 5}",
                "env.max_episode_steps=30",
                "trusted=+own_env",
                "hardware=local",
                "tracking=none",
                "callbacks=none",
                "evaluation=none",
                "stop.env_steps=12000",
                f"runs_dir={folder}",
            ]
        )
        outcome = rlexp.train(config)
        print(outcome.status, "return", round(outcome.summary["return_mean"], 2))


if __name__ == "__main__":
    main()
