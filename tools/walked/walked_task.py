"""A teacher that always wants one task, and an environment that takes tasks; see `walks.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from walks import TASK

from rlexp.curriculum.teacher import Teacher
from rlexp.environment.tasks.directive import Fixed
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress


class Marked(Teacher):
    """Wants that one task."""

    complete = False

    def __init__(self, space: Any, *, seed: int, sample: Any = None) -> None:
        pass

    def directive(self) -> Fixed:
        """The task."""
        return Fixed({"level": TASK})

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Never another."""
        return False

    def metrics(self) -> dict[str, float]:
        """None."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing."""


class Level(gymnasium.Env):
    """Episodes of five steps."""

    observation_space = gymnasium.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, level: float = 1) -> None:
        self.level, self.at = level, 0

    def set_task(self, task: Any) -> None:
        """The next episode's."""
        self.level = task["level"]

    def reset(self, **kwargs: Any) -> Any:
        """As Gymnasium's."""
        self.at = 0
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> Any:
        """As Gymnasium's."""
        self.at += 1
        return np.zeros(2, np.float32), 1.0, self.at == 5, False, {"success": True}
