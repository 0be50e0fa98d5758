"""Base of the bandits: teachers that keep statistics of each of N tasks and draw each with a probability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from rlexp.curriculum.teachers.parts.arrays import copies, take_over
from rlexp.curriculum.teachers.parts.indexed_tasks import (
    Floats,
    Ints,
    TaskDistribution,
    count_tasks,
    cumulative,
    means,
    score_bounds,
)
from rlexp.environment.tasks.directive import Directive
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace


class TaskBandit:
    """Observes each task's mean score in an iteration, and draws by what its class makes of them.

    Args:
        space: of at most 100,000 tasks.
        score_range: [low, high] scores; others are clipped to it.

    Raises:
        ConfigError: an argument or the space does not fit.
    """

    complete, wanders = False, True
    arrays: ClassVar[tuple[str, ...]] = ()
    """Attributes that it learns, by name without the underscore."""

    def __init__(self, space: TaskSpace, score_range: Sequence[float]) -> None:
        self._space, self._count = space, count_tasks(space, type(self).__name__)
        self._range = score_bounds(score_range)
        self._cdf = cumulative(np.ones(self._count))

    def observe(self, tasks: Ints, scores: Floats) -> None:
        """One iteration: [M] task numbers, rising, and [M] mean scores from 0 to 1, M being at least 1."""
        raise NotImplementedError

    def probabilities(self) -> Floats:
        """[N] probability of each task, in the order of `space.tasks()`."""
        raise NotImplementedError

    def directive(self) -> Directive:
        """All tasks with their probabilities."""
        return TaskDistribution(self._space, self._cdf)

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Observes the tasks of an iteration; returns whether the probabilities changed."""
        tasks, scores = means(outcomes, self._range)
        if not len(tasks):
            return False
        self.observe(tasks, scores)
        before, self._cdf = self._cdf, cumulative(self.probabilities())
        return not np.array_equal(before, self._cdf)

    def state_dict(self) -> dict[str, Any]:
        """What was learnt, and the probabilities."""
        return {**copies(self, self.arrays), "upto": self._cdf.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""
        take_over(self, self.arrays, state)
        self._cdf = np.array(state["upto"])
