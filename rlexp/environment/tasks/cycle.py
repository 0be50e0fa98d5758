"""Tasks in turn, so that an evaluation has as many episodes of each as of any other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rlexp.environment.tasks.directive import Draw
from rlexp.environment.tasks.task import Task


class Cycle:
    """A directive that gives its tasks one after another, however many sub-environments ask.

    Args:
        tasks: at least one. A copy in another process begins with the task of the first slot that asks it.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = list(tasks)
        self._next: int | None = None

    def sample(self, rng: np.random.Generator, slot: int) -> Draw:
        """The next task."""
        at = slot if self._next is None else self._next
        self._next = at + 1
        return Draw(self._tasks[at % len(self._tasks)])
