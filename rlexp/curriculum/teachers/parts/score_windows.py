"""The last scores of each of many tasks, and how steeply they rise."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlexp.curriculum.teachers.parts.indexed_tasks import Floats, Ints


class ScoreWindows:
    """A first-in-first-out buffer of (time, score) for each of N tasks.

    Args:
        count: N.
        size: K, observations that each buffer holds.

    Attributes:
        scores: [N, K] in no order; what is not filled is 0.
        filled: [N] how many observations each has ever had.
    """

    def __init__(self, count: int, size: int) -> None:
        self.times, self.scores = np.zeros((count, size)), np.zeros((count, size))
        self.filled = np.zeros(count, np.int64)

    def add(self, tasks: Ints, time: float, scores: Floats) -> None:
        """One observation of each of some tasks, none twice."""
        at = self.filled[tasks] % self.scores.shape[1]
        self.times[tasks, at], self.scores[tasks, at] = time, scores
        self.filled[tasks] += 1

    def counts(self, tasks: Ints) -> Ints:
        """How many observations their buffers hold."""
        return np.minimum(self.filled[tasks], self.scores.shape[1])

    def means(self, tasks: Ints) -> Floats:
        """Mean scores; 0 of no observation."""
        return self.scores[tasks].sum(axis=1) / np.maximum(self.counts(tasks), 1)

    def slopes(self, tasks: Ints) -> Floats:
        """Least-squares slopes of score on time; 0 of fewer than two observations."""
        counts = self.counts(tasks)
        there = np.arange(self.scores.shape[1]) < counts[:, None]
        divisor = np.maximum(counts, 1)[:, None]
        times, scores = self.times[tasks], self.scores[tasks]
        times = np.where(there, times - times.sum(axis=1, keepdims=True, where=there) / divisor, 0.0)
        scores = np.where(there, scores - scores.sum(axis=1, keepdims=True, where=there) / divisor, 0.0)
        spread = (times**2).sum(axis=1)
        return np.divide((times * scores).sum(axis=1), spread, out=np.zeros(len(tasks)), where=spread > 0)

    def state(self) -> dict[str, Any]:
        """A copy."""
        return {"times": self.times.copy(), "scores": self.scores.copy(), "filled": self.filled.copy()}

    def load(self, state: dict[str, Any]) -> None:
        """Goes on with a copy."""
        for name in ("times", "scores", "filled"):
            setattr(self, name, np.array(state[name]))
