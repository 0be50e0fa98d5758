"""An environment and callbacks that tell the driver what reached them, in whatever process they are."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from rlexp.engine.run_callback import RunCallback


class Told(gym.Env):
    """Three steps an episode; each info has the arguments, the seed of the reset and the action."""

    observation_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = gym.spaces.Discrete(3)

    def __init__(self, size: int = 1) -> None:
        self.size, self.time, self.seeded = size, 0, -1

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.seeded = seed if seed is not None else self.seeded
        self.time = 0
        return self.observation(), {}

    def observation(self) -> Any:
        return np.full(2, self.time / 3, np.float32)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.time += 1
        info = {"size": self.size, "seed": self.seeded, "action": int(action)}
        return self.observation(), float(self.size), self.time >= 3, False, info


def first_action(episode: Any, times: float = 1.0) -> float:
    """A custom metric of the whole episode."""
    return float(episode.get_actions(0)) * times


class Teller(RunCallback):
    """Logs its argument and the number of the process's runner at each episode's end."""

    METRICS = ("number", "worker")

    def __init__(self, number: float = 0.0) -> None:
        super().__init__()
        self.number = number

    def on_episode_end(self, *, env_runner: Any, metrics_logger: Any, **kwargs: Any) -> None:
        self.log_metric(metrics_logger, "number", self.number)
        self.log_metric(metrics_logger, "worker", env_runner.worker_index)
