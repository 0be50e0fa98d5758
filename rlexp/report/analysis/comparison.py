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
from rlexp.report.selection import Objective

FEWEST = 2
"""Runs that an arm needs for an interval."""
MOST_PAIRS = 30
MOST_ARMS = 30
"""More than these cannot be told apart by colour or legend; tables, effects and parallel coordinates have them all."""

ScoresByArm = dict[str, dict[str, Floats]]
"""[runs] scores by arm and environment."""


def scores_by_arm(arms: Sequence[Arm], metric: str) -> ScoresByArm:
    """The last value of the metric of each run, arms with enough runs only."""
    by_arm: ScoresByArm = {}
    for arm in arms:
        scores = np.array([s for run in arm.runs if not math.isnan(s := run.last(metric))])
        if len(scores) >= FEWEST:
            by_arm.setdefault(arm.name, {})[arm.env] = scores
    return by_arm


def estimates(scores: ScoresByArm) -> dict[str, Estimate]:
    """Each arm's interquartile mean; over several environments, of normalised scores."""
    common = normalised(list(scores.values()))
    return {name: estimate(of_arm) for name, of_arm in zip(scores, common, strict=True)}


def top_arms(arms: Sequence[Arm], objective: Objective | None) -> list[Arm]:
    """As many arms as a chart can show: the best ones, in the order they have; without an objective the first.

    Of several environments the best of each, as scores of different ones cannot be compared.
    """
    if len(arms) <= MOST_ARMS:
        return list(arms)
    if objective is None:
        return list(arms[:MOST_ARMS])

    def score(arm: Arm) -> float:
        last_values = [s for run in arm.runs if not math.isnan(s := run.last(objective.metric))]
        return float(np.mean(last_values)) * objective.sign if last_values else -math.inf

    ranks: list[tuple[int, int]] = []
    for env in dict.fromkeys(arm.env for arm in arms):
        of_arm = [at for at, arm in enumerate(arms) if arm.env == env]
        ranks += enumerate(sorted(of_arm, key=lambda at: -score(arms[at])))
    best = {at for _, at in sorted(ranks)[:MOST_ARMS]}
    return [arm for at, arm in enumerate(arms) if at in best]


def differ_only_in_env(arms: Sequence[Arm]) -> bool:
    """Whether the arms are of different environments, whose scores cannot be compared, and differ in nothing else."""
    return not any(arm.env for arm in arms) and len({env_of(run) for arm in arms for run in arm.runs}) > 1


def comparison_charts(scores: ScoresByArm, objective: Objective, *, comparable: bool = True) -> list[Chart]:
    """Interquartile means; with two arms and more that can be compared, profiles and who beats whom."""
    if not scores:
        return []
    names, several = list(scores), len({env for of_arm in scores.values() for env in of_arm}) > 1
    title = f"normalised {objective.metric}" if several else objective.metric
    note = "The last value of each run: interquartile mean with its 95 % stratified bootstrap interval."
    if several:
        note += " Scores are scaled, by environment, from the worst run of all (0) to the best (1)."
    rows = [
        {"name": name, "value": e.value, "low": e.low, "high": e.high}
        for name, e in estimates(scores).items()
    ]
    result = [Chart("scores", "Scores", note, intervals(rows, title, names))]
    if len(names) > 1 and comparable:
        result += [_profiles(scores, title), _improvements(scores, objective)]
    return result


def _profiles(scores: ScoresByArm, title: str) -> Chart:
    common = dict(zip(scores, normalised(list(scores.values())), strict=True))
    every = np.concatenate([of_arm for arm in common.values() for of_arm in arm.values()])
    at = np.linspace(every.min(), every.max(), 60)
    rows = []
    for name, of_arm in common.items():
        columns = zip(at, *profile(of_arm, at), strict=True)
        rows += [
            {"arm": name, "x": float(x), "y": float(y), "low": float(low), "high": float(high)}
            for x, y, low, high in columns
        ]
    note = "How many of an arm's runs score above a threshold, with 95 % bootstrap intervals."
    return Chart("profiles", "Performance profiles", note, profiles(rows, list(scores), title))


def _improvements(scores: ScoresByArm, objective: Objective) -> Chart:
    rows: list[dict[str, Any]] = []
    for one, other in itertools.islice(itertools.combinations(scores, 2), MOST_PAIRS):
        if set(scores[one]) & set(scores[other]):
            pair = (other, one) if objective.lower else (one, other)
            e = improvement(*(scores[name] for name in pair))
            rows.append({"name": f"{one}  over  {other}", "value": e.value, "low": e.low, "high": e.high})
    way = "lower" if objective.lower else "higher"
    note = f"How likely a run of the first arm scores {way} than one of the second; at a half, neither is better."
    names = [row["name"] for row in rows]
    return Chart(
        "improvement",
        "Probability of improvement",
        note,
        intervals(rows, "probability", names, probability=True),
    )
