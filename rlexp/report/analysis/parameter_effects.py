"""How much each parameter matters for the score, and how its values compare."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError
from rlexp.base.statistics import Estimate, Floats, estimate
from rlexp.report.analysis.parameters import Parameter
from rlexp.report.analysis.permutation_baseline import explained_variance, one_point_per_group
from rlexp.report.analysis.tried_settings import Places, Points
from rlexp.report.reading import Run
from rlexp.storage.sweeps.sweep_view import SweepView, is_sweep

FEWEST = 4
"""Runs with a score below which nothing is said."""
MOST_LEVELS = 8
"""More different numbers than this are taken together, in so many stretches of about equally many points."""


@dataclass(frozen=True)
class Level:
    """One value of a parameter, or a stretch of them.

    Attributes:
        label: as a chart names it.
        scores: of its points, each the mean over the point's seeds; of its runs where it is a single point.
        seeds: runs behind each score.
        estimate: of the scores' middle.
    """

    label: str
    scores: Floats
    seeds: Places
    estimate: Estimate


@dataclass(frozen=True)
class Effect:
    """What one parameter does to the scores.

    Attributes:
        parameter: whose.
        importance: share of the scores' variance that its values explain, from 0 to 1.
        chance: what a parameter without any effect stays below in 95 of 100 cases.
        levels: its values.
    """

    parameter: Parameter
    importance: float
    chance: float
    levels: list[Level]

    @property
    def matters(self) -> bool:
        """Whether it explains more than chance does; equal shares differ by rounding alone."""
        return self.importance > self.chance + 1e-9

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `report.json`."""
        levels = [
            {
                "value": level.label,
                "runs": int(level.seeds.sum()),
                "scores": len(level.scores),
                "iqm": level.estimate.value,
                "low": level.estimate.low,
                "high": level.estimate.high,
            }
            for level in self.levels
        ]
        return {
            "importance": self.importance,
            "chance": self.chance,
            "matters": self.matters,
            "values": levels,
        }


def scores_of(runs: Sequence[Run], metric: str, envs: Sequence[str]) -> Floats:
    """[runs] the last value of the metric, NaN where there is none; over several environments, from 0 to 1 in each."""
    scores = np.array([run.last(metric) for run in runs])
    if len(set(envs)) < 2:
        return scores
    for env in set(envs):
        mask = np.array([other == env for other in envs]) & np.isfinite(scores)
        if mask.any():
            scores[mask] = (scores[mask] - scores[mask].min()) / max(float(np.ptp(scores[mask])), 1e-12)
    return scores


def scores_title(metric: str, envs: Sequence[str]) -> str:
    """The title of an axis of `scores_of`."""
    return metric if len(set(envs)) < 2 else f"{metric}, 0 to 1 by environment"


def effects_of(parameters: Sequence[Parameter], scores: Floats, envs: Sequence[str] = ()) -> list[Effect]:
    """The parameters by their importance, the greatest first; none where too few runs have a score.

    Args:
        parameters: all that differ.
        scores: [runs], NaN where there is none.
        envs: [runs] environments; none for a single one.
    """
    finite = scores[np.isfinite(scores)]
    if len(finite) < FEWEST or np.ptp(finite) == 0:
        return []
    points = Points.of(parameters, scores, envs or [""] * len(scores))
    effects = [_effect(parameter, points, at) for at, parameter in enumerate(parameters)]
    return sorted((each for each in effects if each is not None), key=lambda each: -each.importance)


def _effect(parameter: Parameter, points: Points, at: int) -> Effect | None:
    labels, groups = _groups([parameter.values[run] for run in points.first], parameter)
    if len(labels) < 2:
        return None
    share, chance = explained_variance(points, at, groups)
    if math.isnan(share):
        return None
    levels = [_level(label, points, groups, level) for level, label in enumerate(labels)]
    return Effect(parameter, share, chance, levels)


def _level(label: str, points: Points, groups: Places, level: int) -> Level:
    if one_point_per_group(points, groups):
        mask = groups[points.point] == level
        scores, envs = points.scores[mask], points.env[points.point][mask]
        seeds = np.ones(len(scores), np.int64)
    else:
        mask = groups == level
        scores, envs, seeds = points.means(points.scores)[mask], points.env[mask], points.seeds[mask]
    return Level(label, scores, seeds, estimate({str(env): scores[envs == env] for env in np.unique(envs)}))


def _groups(values: Sequence[Any], parameter: Parameter) -> tuple[list[str], Places]:
    """Labels of the groups, and [P] the group of each point by its value."""
    levels = [level for level in parameter.levels if level in set(values)]
    place = np.array([levels.index(value) for value in values], np.int64)
    if not parameter.numeric or len(levels) <= MOST_LEVELS:
        return [label_of(level) for level in levels], place
    counts = np.bincount(place)
    # A value lies where the middle of its points does, so that no value is torn apart.
    number = (np.cumsum(counts) - counts / 2) * MOST_LEVELS // len(values)
    of_level = np.unique(number, return_inverse=True)[1]
    ends = [
        [level for level, at in zip(levels, of_level, strict=True) if at == n]
        for n in range(of_level.max() + 1)
    ]
    labels = [
        f"{stretch[0]:.3g} to {stretch[-1]:.3g}" if len(stretch) > 1 else label_of(stretch[0])
        for stretch in ends
    ]
    return labels, of_level[place].astype(np.int64)


def label_of(value: Any) -> str:
    """A value as a label."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


SEARCHES, SCHEDULERS = ("optuna",), ("pbt", "pb2")
"""Those that choose values by the scores so far."""


def selection_warning(runs: Sequence[Run]) -> str:
    """A warning where a search that learns made some of the points, or some stopped early; empty for neither."""
    return " ".join(filter(None, (_adaptive_warning(adaptive_names(runs)), _pruned_warning(runs))))


def _pruned_warning(runs: Sequence[Run]) -> str:
    pruned = sum(run.manifest.get("status") == "pruned" for run in runs)
    return (
        f"{pruned} of {len(runs)} runs were stopped early and count with the score they had then."
        if pruned
        else ""
    )


def _adaptive_warning(names: Sequence[str]) -> str:
    if not names:
        return ""
    return (
        f"Points of this report were chosen by what had scored well before ({', '.join(names)}): parameters moved "
        "together, and good values were tried more often. A share may be another parameter's, and the black marks hold "
        "for points that were drawn at random or lie in a grid: take none of this for a test. sweep=random, or a grid "
        "over the parameter in question, tells."
    )


def adaptive_names(runs: Sequence[Run]) -> list[str]:
    """Names of the searches and schedulers that chose points of these runs by earlier scores."""
    names: dict[str, None] = {}
    for folder in dict.fromkeys(run.path.parent.parent for run in runs):
        if not is_sweep(folder):
            continue
        with suppress(ConfigError):  # Damaged: its runs are shown as those of no sweep.
            settings = SweepView(folder).plan()["settings"]
            search, scheduler = settings.get("search"), settings.get("scheduler", {}).get("name")
            names |= dict.fromkeys([search] if search in SEARCHES else [])
            names |= dict.fromkeys([scheduler] if scheduler in SCHEDULERS else [])
    return list(names)
