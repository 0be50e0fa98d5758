"""Arms against each other, by the scores of their runs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from rlexp.base.statistics import Estimate, Floats, estimate, improvement, normalised, profile
from rlexp.report.analysis.arms import Arm, env_of
from rlexp.report.drawing.charts import Chart, intervals, profiles
from rlexp.report.selection import Aim

FEWEST = 2
"""Runs that an arm needs for an interval."""
MOST_PAIRS = 30
MOST_ARMS = 30
"""More than these cannot be told apart by colour or legend; tables, effects and parallel coordinates have them all."""

Scored = dict[str, dict[str, Floats]]
"""[runs] scores by arm and environment."""


def scored(arms: Sequence[Arm], metric: str) -> Scored:
    """The last value of the metric of each run, arms with enough runs only."""
    found: Scored = {}
    for arm in arms:
        scores = np.array([s for run in arm.runs if not math.isnan(s := run.last(metric))])
        if len(scores) >= FEWEST:
            found.setdefault(arm.name, {})[arm.env] = scores
    return found


def estimates(scores: Scored) -> dict[str, Estimate]:
    """Each arm's interquartile mean; over several environments, of normalised scores."""
    common = normalised(list(scores.values()))
    return {name: estimate(own) for name, own in zip(scores, common, strict=True)}


def most_telling(arms: Sequence[Arm], aim: Aim | None) -> list[Arm]:
    """As many arms as can be told apart in a chart: the best ones, in the order they have; without an aim the first.

    Of several environments the best of each, as scores of different ones cannot be compared.
    """
    if len(arms) <= MOST_ARMS:
        return list(arms)
    if aim is None:
        return list(arms[:MOST_ARMS])

    def score(arm: Arm) -> float:
        told = [s for run in arm.runs if not math.isnan(s := run.last(aim.metric))]
        return float(np.mean(told)) * aim.sign if told else -math.inf

    ranks: list[tuple[int, int]] = []
    for env in dict.fromkeys(arm.env for arm in arms):
        own = [at for at, arm in enumerate(arms) if arm.env == env]
        ranks += enumerate(sorted(own, key=lambda at: -score(arms[at])))
    best = {at for _, at in sorted(ranks)[:MOST_ARMS]}
    return [arm for at, arm in enumerate(arms) if at in best]


def apart(arms: Sequence[Arm]) -> bool:
    """Whether the arms are of different environments, whose scores cannot be compared, and differ in nothing else."""
    return not any(arm.env for arm in arms) and len({env_of(run) for arm in arms for run in arm.runs}) > 1


def charts(scores: Scored, aim: Aim, *, comparable: bool = True) -> list[Chart]:
    """Interquartile means; with two arms and more that can be compared, profiles and who beats whom."""
    if not scores:
        return []
    names, several = list(scores), len({env for own in scores.values() for env in own}) > 1
    title = f"normalised {aim.metric}" if several else aim.metric
    note = "The last value of each run: interquartile mean with its 95 % stratified bootstrap interval."
    if several:
        note += " Scores are scaled, by environment, from the worst run of all (0) to the best (1)."
    rows = [
        {"name": name, "value": e.value, "low": e.low, "high": e.high}
        for name, e in estimates(scores).items()
    ]
    found = [Chart("scores", "Scores", note, intervals(rows, title, names))]
    if len(names) > 1 and comparable:
        found += [_profiles(scores, title), _improvements(scores, aim)]
    return found


def _profiles(scores: Scored, title: str) -> Chart:
    common = dict(zip(scores, normalised(list(scores.values())), strict=True))
    every = np.concatenate([own for arm in common.values() for own in arm.values()])
    at = np.linspace(every.min(), every.max(), 60)
    rows = []
    for name, own in common.items():
        columns = zip(at, *profile(own, at), strict=True)
        rows += [
            {"arm": name, "x": float(x), "y": float(y), "low": float(low), "high": float(high)}
            for x, y, low, high in columns
        ]
    note = "How many of an arm's runs score above a threshold, with 95 % bootstrap intervals."
    return Chart("profiles", "Performance profiles", note, profiles(rows, list(scores), title))


def _improvements(scores: Scored, aim: Aim) -> Chart:
    rows: list[dict[str, Any]] = []
    for one, other in itertools.islice(itertools.combinations(scores, 2), MOST_PAIRS):
        if set(scores[one]) & set(scores[other]):
            pair = (other, one) if aim.lower else (one, other)
            e = improvement(*(scores[name] for name in pair))
            rows.append({"name": f"{one}  over  {other}", "value": e.value, "low": e.low, "high": e.high})
    way = "lower" if aim.lower else "higher"
    note = f"How likely a run of the first arm scores {way} than one of the second; at a half, neither is better."
    names = [row["name"] for row in rows]
    return Chart(
        "improvement",
        "Probability of improvement",
        note,
        intervals(rows, "probability", names, probability=True),
    )
