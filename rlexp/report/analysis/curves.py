"""An arm's curve: its runs brought to common points, and what they have in the middle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlexp.base.statistics import RESAMPLES, interval, iqm
from rlexp.report.analysis.arms import Arm
from rlexp.report.reading import STEPS, Floats, Run

POINTS = 120
"""Points of a curve, and most points of a single run's."""


@dataclass(frozen=True)
class Curve:
    """One arm's metric.

    Attributes:
        x: [K] where some run was measured.
        measured: [K] how many runs were, there.
        middle: [K] interquartile mean over the runs that have come so far.
        low: [K] lower bound of its interval; the middle itself for one run.
        high: [K] upper bound.
    """

    x: Floats
    measured: Floats
    middle: Floats
    low: Floats
    high: Floats


def curve_of(arm: Arm, metric: str, along: str = STEPS) -> Curve | None:
    """The arm's curve from where all its runs have begun to where the first ends; None where no run tells the metric.

    Where one run was measured and another was not, that one's value lies on the straight line between its neighbours.
    """
    told = [pair for run in arm.runs if len((pair := run.curve(metric, along))[0])]
    if not told:
        return None
    if len(told) == 1:
        x, values = _thinned(*told[0])
        return Curve(x, np.ones(len(x)), values, values, values)
    first, last = max(x[0] for x, _ in told), min(x[-1] for x, _ in told)
    every = np.unique(np.concatenate([x for x, _ in told]))
    x = every[(every >= first) & (every <= last)] if last > first else np.array([first])
    if len(x) > POINTS:
        x = x[np.linspace(0, len(x) - 1, POINTS).round().astype(int)]
    values = np.stack([np.interp(x, at, y) for at, y in told])
    measured = np.sum([np.isin(x, at) for at, _ in told], axis=0).astype(np.float64)
    low, high = _interval(values)
    return Curve(x, measured, iqm(values), low, high)


def single(run: Run, metric: str, along: str = STEPS) -> tuple[Floats, Floats]:
    """One run's own curve, of at most `POINTS` points."""
    return _thinned(*run.curve(metric, along))


def _interval(values: Floats) -> tuple[Floats, Floats]:
    """[K] and [K] from [runs, K]."""
    rng = np.random.default_rng(0)
    picks = rng.integers(len(values), size=(len(values), RESAMPLES // 4))
    return interval(iqm(values[picks]))


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Means of neighbouring points, where there are more than can be told apart."""
    parts = np.array_split(np.arange(len(x)), min(len(x), POINTS)) if len(x) else []
    return np.array([x[p].mean() for p in parts]), np.array([y[p].mean() for p in parts])
