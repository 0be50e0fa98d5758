"""An arm's curve: its runs brought to common points, and what they have in the middle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlexp.report.arms import Arm
from rlexp.report.reading import STEPS, Floats, Run
from rlexp.report.statistics import RESAMPLES, interval, iqm

POINTS = 120
"""Points of a curve, and most points of a single run's."""


@dataclass(frozen=True)
class Curve:
    """One arm's metric.

    Attributes:
        x: [K] where.
        middle: [K] interquartile mean over the runs that have come so far.
        low: [K] lower bound of its interval; the middle itself for one run.
        high: [K] upper bound.
    """

    x: Floats
    middle: Floats
    low: Floats
    high: Floats


def curve_of(arm: Arm, metric: str, along: str = STEPS) -> Curve | None:
    """The arm's curve from where all its runs have begun to where the first ends; null where no run tells the metric.

    Between two told values of a run lies a straight line.
    """
    told = [pair for run in arm.runs if len((pair := run.curve(metric, along))[0])]
    if not told:
        return None
    first, last = max(x[0] for x, _ in told), min(x[-1] for x, _ in told)
    x = np.linspace(first, max(first, last), POINTS) if last > first else np.array([first])
    values = np.stack([np.interp(x, at, y) for at, y in told])
    if len(told) == 1:
        x, values = _thinned(*told[0])
        return Curve(x, values, values, values)
    low, high = _interval(values)
    return Curve(x, iqm(values), low, high)


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
