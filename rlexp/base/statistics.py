"""What can be said of a few runs: interquartile means, their intervals, profiles, and who is better.

Source: Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice" (rliable).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Scores = Mapping[str, Floats]
"""[runs] scores by task; the numbers of runs may differ."""

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A number with its bootstrap interval; both bounds are the number itself where there is one run only."""

    value: float
    low: float
    high: float


def iqm(scores: Floats) -> Floats:
    """[...] the mean of [n, ...] without the lowest and the highest `int(n / 4)`; of fewer than four, of all."""
    cut = len(scores) // 4
    return np.sort(scores, axis=0)[cut : len(scores) - cut].mean(axis=0)


def estimate(scores: Scores, *, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """The interquartile mean of all scores, with its stratified percentile bootstrap interval: each task keeps its
    number of runs.

    Args:
        scores: at least one.
        seed: of the resampling.
        resamples: how many.
    """
    drawn = _all_resampled(scores, seed, resamples)
    low, high = interval(iqm(drawn.T))
    return Estimate(float(iqm(np.concatenate(list(scores.values())))), float(low), float(high))


def improvement(one: Scores, other: Scores, *, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """How likely a run of `one` is better than a run of `other` on the same task, ties counting half.

    Over the tasks that both have, of which there must be one.
    """
    rng = np.random.default_rng(seed)
    shared = [task for task in one if task in other]
    means = np.zeros(resamples)
    for task in shared:
        a, b = (_resampled(scores[task], rng, resamples) for scores in (one, other))
        means += _better(a, b) / len(shared)
    value = float(np.mean([_better(one[t][None], other[t][None])[0] for t in shared]))
    low, high = interval(means)
    return Estimate(value, float(low), float(high))


def profile(
    scores: Scores, at: Floats, *, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[Floats, Floats, Floats]:
    """[K] share of runs that score above each of `at` [K], and the lower and upper bounds of its interval."""
    drawn = _all_resampled(scores, seed, resamples)
    shares = np.stack([(drawn > threshold).mean(axis=1) for threshold in at], axis=1)
    low, high = interval(shares)
    every = np.concatenate(list(scores.values()))
    return (every[:, None] > at).mean(axis=0), low, high


def normalised(arms: Sequence[Scores]) -> list[dict[str, Floats]]:
    """Scores from 0 to 1 by task, between the lowest and the highest run of any arm; one task stays as it is."""
    tasks = list(dict.fromkeys(task for arm in arms for task in arm))
    if len(tasks) < 2:
        return [dict(arm) for arm in arms]
    bounds = {}
    for task in tasks:
        every = np.concatenate([arm[task] for arm in arms if task in arm])
        bounds[task] = every.min(), max(float(np.ptp(every)), 1e-12)
    return [{task: (own - bounds[task][0]) / bounds[task][1] for task, own in arm.items()} for arm in arms]


def interval(values: Floats) -> tuple[Floats, Floats]:
    """[...] and [...]: the bounds that hold the middle 95 % of [R, ...]."""
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail], axis=0)
    return low, high


def _resampled(scores: Floats, rng: np.random.Generator, resamples: int) -> Floats:
    return scores[rng.integers(len(scores), size=(resamples, len(scores)))]


def _better(a: Floats, b: Floats) -> Floats:
    """[R] from [R, n] and [R, m]."""
    difference = a[:, :, None] - b[:, None, :]
    return ((difference > 0) + 0.5 * (difference == 0)).mean(axis=(1, 2))


def _all_resampled(scores: Scores, seed: int, resamples: int) -> Floats:
    """[R, all runs]."""
    rng = np.random.default_rng(seed)
    return np.concatenate([_resampled(own, rng, resamples) for own in scores.values()], axis=1)
