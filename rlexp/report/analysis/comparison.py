"""Arms against each other, by the scores of their runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rlexp.base.statistics import Estimate, Floats, estimate, normalised
from rlexp.report.analysis.arms import Arm, env_of
from rlexp.report.analysis.selection import Objective

FEWEST = 2
"""Runs that an arm needs for an interval."""
MOST_ARMS = 30
"""More than these are too many for colours and a legend; tables, effects and parallel coordinates have them all."""

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
