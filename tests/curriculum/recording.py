"""A teacher that remembers everything and asks for longer errands each time that the present ones were run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlexp.environment.tasks.directive import Fixed
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace


class Longer:
    complete = False

    def __init__(self, space: TaskSpace, *, seed: int, most: int = 8) -> None:
        self.length, self.most = 2, most
        self.seen: list[Outcome] = []

    def directive(self) -> Fixed:
        return Fixed({"length": self.length}, tag=self.length)

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        self.seen += outcomes
        longer = self.length < self.most and any(outcome.tag == self.length for outcome in outcomes)
        self.length += longer
        return longer

    def metrics(self) -> dict[str, float]:
        return {"length": float(self.length)}

    def state_dict(self) -> dict[str, Any]:
        return {"length": self.length}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.length = state["length"]


class Anything(Longer):
    """All tasks, always."""

    def __init__(self, space: TaskSpace, *, seed: int) -> None:
        super().__init__(space, seed=seed)
        self._space = space

    def directive(self) -> Any:
        from rlexp.environment.tasks.directive import Everywhere

        return Everywhere(self._space)
