"""How much each parameter matters for the score, and how its values compare."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlexp.report.parameters import Parameter
from rlexp.report.reading import Run
from rlexp.report.statistics import Estimate, Floats, estimate

FEWEST = 4
"""Runs with a score below which nothing is said."""
MOST_LEVELS = 8
"""More different numbers than this are taken together, in so many stretches of equally many runs."""
PERMUTATIONS = 1000
CHANCE = 0.95


@dataclass(frozen=True)
class Effect:
    """One parameter's.

    Attributes:
        parameter: whose.
        importance: share of the scores' variance that its values explain, from 0 to 1.
        chance: what a parameter without any effect stays below in 95 of 100 cases.
        levels: for each value, or stretch of them: its label, its number of runs and the score's estimate.
        groups: [runs with a score] the place in `levels` of each.
    """

    parameter: Parameter
    importance: float
    chance: float
    levels: list[tuple[str, int, Estimate]]
    groups: NDArray[np.int64]

    def to_json(self) -> dict[str, Any]:
        """For `report.json`."""
        levels = [
            {"value": label, "runs": count, "iqm": e.value, "low": e.low, "high": e.high}
            for label, count, e in self.levels
        ]
        return {"importance": self.importance, "chance": self.chance, "values": levels}


def scores_of(runs: Sequence[Run], metric: str, envs: Sequence[str]) -> Floats:
    """[runs] the last value of the metric, NaN where there is none; over several environments, from 0 to 1 in each."""
    scores = np.array([run.last(metric) for run in runs])
    if len(set(envs)) < 2:
        return scores
    for env in set(envs):
        own = np.array([other == env for other in envs]) & np.isfinite(scores)
        if own.any():
            scores[own] = (scores[own] - scores[own].min()) / max(float(np.ptp(scores[own])), 1e-12)
    return scores


def effects_of(parameters: Sequence[Parameter], scores: Floats, *, seed: int = 0) -> list[Effect]:
    """The parameters by their importance, the greatest first; none where too few runs have a score."""
    told = np.isfinite(scores)
    if told.sum() < FEWEST or np.ptp(scores[told]) == 0:
        return []
    found = [_effect(parameter, scores, told, seed) for parameter in parameters]
    return sorted((each for each in found if each is not None), key=lambda each: -each.importance)


def importance(groups: NDArray[np.int64], scores: Floats) -> float:
    """Share of the variance of [n] scores that lies between the groups, corrected for what chance puts there.

    Epsilon squared (Kelley 1935, "An unbiased correlation ratio measure"): 1 - MS within / MS total, at least 0. For a
    balanced grid the parameters' shares are those of their main effects; what is missing to 1 is noise and interplay.
    """
    count, levels = len(scores), len(np.unique(groups))
    if count <= levels:
        return math.nan
    sizes = np.bincount(groups)
    means = np.bincount(groups, scores) / np.maximum(sizes, 1)
    within = float(((scores - means[groups]) ** 2).sum()) / (count - levels)
    total = float(((scores - scores.mean()) ** 2).sum()) / (count - 1)
    return max(0.0, 1.0 - within / total)


def _effect(parameter: Parameter, scores: Floats, told: NDArray[np.bool_], seed: int) -> Effect | None:
    labels, groups = _groups(parameter, told)
    own = scores[told]
    share = importance(groups, own)
    if len(labels) < 2 or math.isnan(share):
        return None
    rng = np.random.default_rng(seed)
    by_chance = [importance(groups, rng.permutation(own)) for _ in range(PERMUTATIONS)]
    levels = [
        (label, int((groups == at).sum()), estimate({"": own[groups == at]}))
        for at, label in enumerate(labels)
    ]
    return Effect(parameter, share, float(np.quantile(by_chance, CHANCE)), levels, groups)


def _groups(parameter: Parameter, told: NDArray[np.bool_]) -> tuple[list[str], NDArray[np.int64]]:
    """Labels of the groups, and [n] the group of each run that has a score."""
    values = [value for value, has in zip(parameter.values, told, strict=True) if has]
    levels = [level for level in parameter.levels if level in set(values)]
    if parameter.numeric and len(levels) > MOST_LEVELS:
        order = np.argsort(np.argsort(values, kind="stable"))
        groups = order * MOST_LEVELS // len(values)
        ends = [[v for v, g in zip(values, groups, strict=True) if g == at] for at in range(MOST_LEVELS)]
        return [f"{min(own):.3g} to {max(own):.3g}" for own in ends], groups.astype(np.int64)
    return [text(level) for level in levels], np.array([levels.index(value) for value in values], np.int64)


def text(value: Any) -> str:
    """A value as a label."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
