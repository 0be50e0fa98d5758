"""Mastering rate: attends to tasks that are not mastered and whose prerequisites are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rlexp.curriculum.teachers.parts.indexed_tasks import Floats, Ints, cumulative
from rlexp.curriculum.teachers.parts.score_windows import ScoreWindows
from rlexp.curriculum.teachers.parts.task_bandit import TaskBandit
from rlexp.curriculum.teachers.parts.task_graph import TaskGraph
from rlexp.curriculum.teachers.parts.teacher_arguments import integer, number
from rlexp.environment.tasks.space import TaskSpace

MASTERED = 0.9
"""Mastering rate from which metrics count a task as mastered."""


class MasteringRate(TaskBandit):
    """Draws tasks on a graph of prerequisites, in proportion to the attention that each gets.

    One observation is a task's mean score in one iteration. The mastering rate m is the mean of the last `window` of
    them, scaled to [0, 1] by `score_range`, and l their slope on the number of the iteration, as a share of the
    steepest one's. The attention to a task is

        (lowest m before it) ^ power * (progress * abs(l) + (1 - progress) * (1 - m)) * (1 - lowest m right after it)

    where "before" are all tasks on the way to it (1 if there is none) and "right after" its successors (0 if there
    is none). Then each task, the hardest first, passes a share `back` of what it has to its predecessors, and each
    at once a share `on` to its successors, in equal parts. When no task gets any attention, the draw is uniform.

    Episodes of an older directive count like others: they are of their task, and there is nothing to promote.
    A score that is NaN does not count.

    Source: Willems et al. 2020, "Mastering rate based curriculum learning", section 3.

    Args:
        space: of at most 100,000 tasks.
        seed: not used: env runners draw.
        edges: [easier, harder] pairs of tasks, a graph without a cycle; None for each value of a parameter before
            the next one in the order of the space.
        window: observations (iterations) of a task that count.
        score_range: [low, high] scores of a task not mastered at all and wholly; others are clipped to it.
        power: how far the prerequisites must be mastered.
        progress: weight of the slope against that of what is left to learn.
        back: share passed to predecessors.
        on: share passed to successors.

    Raises:
        ConfigError: an argument or the space does not fit, or the edges make a cycle.
    """

    arrays = ("rates", "slopes")

    def __init__(
        self,
        space: TaskSpace,
        *,
        seed: int,
        edges: Sequence[Any] | None = None,
        window: int = 10,
        score_range: Sequence[float] = (0.0, 1.0),
        power: float = 6.0,
        progress: float = 0.5,
        back: float = 0.2,
        on: float = 0.05,
    ) -> None:
        super().__init__(space, score_range)
        self._graph = TaskGraph(space, edges)
        self._seen = ScoreWindows(self._count, integer("window", window, 10, low=2))
        self._power = number("power", power, 6.0, low=0.0)
        self._progress = number("progress", progress, 0.5, 0.0, 1.0)
        self._back, self._on = number("back", back, 0.2, 0.0, 1.0), number("on", on, 0.05, 0.0, 1.0)
        self._rates, self._slopes = np.zeros(self._count), np.zeros(self._count)
        self._time = 0
        self._cdf = cumulative(self.probabilities())

    def observe(self, tasks: Ints, scores: Floats) -> None:
        """See `TaskBandit`."""
        self._time += 1
        self._seen.add(tasks, self._time, scores)
        self._rates[tasks], self._slopes[tasks] = self._seen.means(tasks), self._seen.slopes(tasks)

    def attention(self) -> Floats:
        """[N] attention to each task before any is passed, in the order of `space.tasks()`."""
        steepness = np.abs(self._slopes)
        slope = steepness / steepness.max() if steepness.max() > 0 else steepness
        wish = self._progress * slope + (1.0 - self._progress) * (1.0 - self._rates)
        ready = self._graph.lowest_before(self._rates) ** self._power
        return ready * wish * (1.0 - self._graph.lowest_after(self._rates))

    def probabilities(self) -> Floats:
        """See `TaskBandit`."""
        passed = self._graph.pass_on(self._graph.pass_back(self.attention(), self._back), self._on)
        total = passed.sum()
        return passed / total if total > 0 else np.full(self._count, 1.0 / self._count)

    def metrics(self) -> dict[str, float]:
        """Mean mastering rate, tasks mastered (from a rate of 0.9), and tasks observed."""
        return {
            "mastering_rate": float(self._rates.mean()),
            "mastered": float((self._rates >= MASTERED).sum()),
            "seen": float((self._seen.filled > 0).sum()),
        }

    def state_dict(self) -> dict[str, Any]:
        """What was observed, and the probabilities."""
        return {**super().state_dict(), "seen": self._seen.state(), "time": self._time}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from there."""
        super().load_state_dict(state)
        self._seen.load(state["seen"])
        self._time = int(state["time"])
