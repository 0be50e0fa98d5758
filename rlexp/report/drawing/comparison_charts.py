"""Charts of arms against each other: their scores, performance profiles and probabilities of improvement."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from rlexp.base.statistics import improvement, normalised, profile
from rlexp.report.analysis.comparison import ScoresByArm, estimates
from rlexp.report.analysis.selection import Objective
from rlexp.report.drawing.charts import Chart, intervals, profiles

MOST_PAIRS = 30


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
