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
    """The arm's curve from where all its runs have begun to where the first ends; None where no run logged the metric.

    Where one run was measured and another was not, that one's value lies on the straight line between its neighbours.
    """
    measured_curves = [pair for run in arm.runs if len((pair := run.curve(metric, along))[0])]
    if not measured_curves:
        return None
    if len(measured_curves) == 1:
        x, values = _thinned(*measured_curves[0])
        return Curve(x, np.ones(len(x)), values, values, values)
    first, last = max(x[0] for x, _ in measured_curves), min(x[-1] for x, _ in measured_curves)
    every = np.unique(np.concatenate([x for x, _ in measured_curves]))
    x = every[(every >= first) & (every <= last)] if last > first else np.array([first])
    if len(x) > POINTS:
        x = x[np.linspace(0, len(x) - 1, POINTS).round().astype(int)]
    values = np.stack([np.interp(x, at, y) for at, y in measured_curves])
    measured = np.sum([np.isin(x, at) for at, _ in measured_curves], axis=0).astype(np.float64)
    low, high = _interval(values)
    return Curve(x, measured, iqm(values), low, high)


def run_curve(run: Run, metric: str, along: str = STEPS) -> tuple[Floats, Floats]:
    """One run's own curve, of at most `POINTS` points."""
    return _thinned(*run.curve(metric, along))


def _interval(values: Floats) -> tuple[Floats, Floats]:
    """[K] and [K] from [runs, K]."""
    rng = np.random.default_rng(0)
    picks = rng.integers(len(values), size=(len(values), RESAMPLES // 4))
    return interval(iqm(values[picks]))


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Means of neighbouring points, where there are more than a chart can show."""
    parts = np.array_split(np.arange(len(x)), min(len(x), POINTS)) if len(x) else []
    return np.array([x[p].mean() for p in parts]), np.array([y[p].mean() for p in parts])
