"""How much of the scores' variance a parameter explains, and how much one without any effect would by chance.

Runs that are equal in all other parameters could be exchanged for each other if this one did nothing. So in a grid runs
are permuted among those. Where points are seldom so alike, because they were drawn, whole points are permuted, with all
their seeds: what the other parameters do to a point they do to each of its seeds, so that further seeds are no further
evidence. Nothing is exchanged between environments.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rlexp.base.statistics import Floats
from rlexp.report.analysis.tried_settings import Places, Points

PERMUTATIONS = 1000
CHANCE = 0.95
"""Share of the permutations that stay below what is called chance."""
_AT_ONCE = 100
"""Permutations that are held in memory together."""


def importance(groups: Places, scores: Floats) -> Floats:
    """[...] share of the variance of [..., n] scores that lies between [..., n] groups, corrected for chance's part.

    Epsilon squared (Kelley 1935, "An unbiased correlation ratio measure"): 1 - MS within / MS total, at least 0. For a
    balanced grid the parameters' shares are those of their main effects; what is missing to 1 is noise and interplay.
    NaN where there are no more scores than groups, 0 where all scores are equal.
    """
    groups, scores = np.broadcast_arrays(groups, scores)
    count, levels = scores.shape[-1], np.unique(groups)
    if count <= len(levels):
        return np.full(scores.shape[:-1], np.nan)
    scores = scores - scores.mean(axis=-1, keepdims=True)
    between = np.zeros(scores.shape[:-1])
    for level in levels:
        in_level = groups == level
        between += (scores * in_level).sum(axis=-1) ** 2 / np.maximum(1, in_level.sum(axis=-1))
    total = (scores**2).sum(axis=-1)
    within = np.maximum(0.0, total - between) / (count - len(levels))
    share = 1.0 - within * (count - 1) / np.where(total > 0, total, 1.0)
    return np.where(total > 0, np.maximum(0.0, share), 0.0)


def explained_variance(points: Points, at: int, groups: Places) -> tuple[float, float]:
    """A parameter's importance, and what it stays below by chance; NaN and NaN where there are too few scores.

    Shares are of the points' scores; where each group is a single point, of the runs' scores.

    Args:
        points: and their runs.
        at: the parameter's place among theirs.
        groups: [P], of its values.
    """
    by_run = one_point_per_group(points, groups)
    others = points.others(at)
    in_grid = _in_grid(groups, others)

    def shares(scores: Floats, grouped: Places) -> Floats:
        return (
            importance(grouped[..., points.point], scores) if by_run else importance(grouped, means(scores))
        )

    def means(scores: Floats) -> Floats:
        return points.means(scores)

    share = shares(points.scores, groups)
    if np.isnan(share):
        return float("nan"), float("nan")
    by_chance = [np.atleast_1d(share)]
    for permuted in _permutations(others[points.point] if in_grid else points.env):
        if in_grid:
            by_chance.append(shares(points.scores[permuted], groups))
        else:
            by_chance.append(shares(points.scores, groups[permuted]))
    return float(share), float(np.quantile(np.concatenate(by_chance), CHANCE, method="higher"))


def one_point_per_group(points: Points, groups: Places) -> bool:
    """Whether each group [P] is one point: then there is nothing but seeds to compare."""
    return points.count <= len(np.unique(groups))


def _in_grid(groups: Places, others: Places) -> bool:
    """Whether most points [P] have others beside them that differ in this parameter alone."""
    pairs = np.unique(np.stack([others, groups]), axis=1)[0]
    return bool((np.bincount(pairs)[others] > 1).mean() > 0.5)


def _permutations(strata: Places) -> Iterator[Places]:
    """[k, n] places of n items, permuted inside each stratum; one less than `PERMUTATIONS` altogether."""
    rng = np.random.default_rng(0)
    order = np.argsort(strata, kind="stable")
    for first in range(0, PERMUTATIONS - 1, _AT_ONCE):
        count = min(_AT_ONCE, PERMUTATIONS - 1 - first)
        shuffled = np.argsort(strata[order] + rng.random((count, len(strata))), axis=1)
        places = np.empty((count, len(strata)), np.int64)
        places[:, order] = order[shuffled]
        yield places
