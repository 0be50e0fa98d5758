"""A teacher that remembers all and asks for anything near, and an environment whose observations can show no task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gymnasium import spaces

from envs.meeting import Meeting
from rlexp.environment.tasks.directive import Weighted
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace


class Remembering:
    """Says something new (by its tag alone) after every iteration; its tasks are the distances 1 to 6."""

    complete = False

    def __init__(self, space: TaskSpace, *, seed: int) -> None:
        self.updates = 0
        self.seen: list[Outcome] = []

    def directive(self) -> Weighted:
        tasks = [{"distance": distance} for distance in range(1, 7)]
        return Weighted.of(tasks, [1 / 6] * 6, tag=self.updates)

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        self.seen += outcomes
        self.updates += 1
        return True

    def metrics(self) -> dict[str, float]:
        return {}

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.updates = state["updates"]


class Whole(Meeting):
    """Observes whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_spaces = dict.fromkeys(self.possible_agents, spaces.Discrete(11))

    def _observe(self) -> Any:
        return dict.fromkeys(self.possible_agents, self._between)
