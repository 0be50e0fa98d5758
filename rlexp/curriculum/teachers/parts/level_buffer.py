"""A buffer of scored levels that replays by rank and staleness: a pure kernel over plain arrays.

Source: Jiang et al. 2021, "Prioritized level replay", equations 2 to 4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LevelBuffer:
    """N levels.

    Attributes:
        rows: [N, D] the levels, each once.
        scores: [N] the higher, the more is to be learnt.
        stamps: [N] time of each one's last episode.
    """

    rows: Floats
    scores: Floats
    stamps: Floats

    @classmethod
    def empty(cls, width: int) -> LevelBuffer:
        """No levels of `width` numbers."""
        return cls(np.zeros((0, width)), np.zeros(0), np.zeros(0))

    def __len__(self) -> int:
        return len(self.scores)


def rank_weights(scores: Floats, temperature: float) -> Floats:
    """[N] rank ** (-1 / temperature), made to sum to 1; rank 1 has the highest score, equal ones share evenly."""
    order = np.argsort(-scores, kind="stable")
    weights = np.empty(len(scores))
    weights[order] = (1.0 + np.arange(len(scores))) ** (-1.0 / temperature)
    _, group = np.unique(scores, return_inverse=True)
    weights = (np.bincount(group, weights) / np.bincount(group))[group]
    return weights / weights.sum()


def staleness_weights(stamps: Floats, now: float) -> Floats:
    """[N] time since each one's last episode, made to sum to 1."""
    ages = np.maximum(now - stamps, 0.0)
    return ages / ages.sum() if ages.any() else np.full(len(ages), 1.0 / len(ages))


def probabilities(buffer: LevelBuffer, now: float, temperature: float, staleness: float) -> Floats:
    """[N] (1 - staleness) * rank weights + staleness * staleness weights."""
    ranked = rank_weights(buffer.scores, temperature)
    return (1.0 - staleness) * ranked + staleness * staleness_weights(buffer.stamps, now)


def rescore(
    buffer: LevelBuffer, at: NDArray[np.int64], scores: Floats, stamps: Floats, alpha: float
) -> LevelBuffer:
    """Levels `at` with new scores: alpha * new + (1 - alpha) * old, in turn for one that comes up again."""
    new, seen = buffer.scores.copy(), buffer.stamps.copy()
    for where, score, stamp in zip(at.tolist(), scores.tolist(), stamps.tolist(), strict=True):
        new[where] = alpha * score + (1.0 - alpha) * new[where]
        seen[where] = max(seen[where], stamp)
    return replace(buffer, scores=new, stamps=seen)


def insert(buffer: LevelBuffer, new: LevelBuffer, capacity: int, weights: Floats) -> LevelBuffer:
    """With new levels, none of which it holds: free places first, then those of the lowest `weights` [N].

    The best new level meets the one with the lowest weight, the next best the next lowest, and so on; the new one
    takes its place if its score is at least as high.
    """
    best = np.argsort(-new.scores, kind="stable")
    free = max(0, capacity - len(buffer))
    buffer, joined = _joined(buffer, new, best[:free]), len(buffer)
    rest = best[free:][:joined]
    weakest = np.argsort(weights, kind="stable")[: len(rest)]
    wins = new.scores[rest] >= buffer.scores[weakest]
    for name in ("rows", "scores", "stamps"):
        getattr(buffer, name)[weakest[wins]] = getattr(new, name)[rest[wins]]
    return buffer


def _joined(buffer: LevelBuffer, new: LevelBuffer, at: NDArray[np.int64]) -> LevelBuffer:
    return LevelBuffer(
        np.concatenate([buffer.rows, new.rows[at]]),
        np.concatenate([buffer.scores, new.scores[at]]),
        np.concatenate([buffer.stamps, new.stamps[at]]),
    )
