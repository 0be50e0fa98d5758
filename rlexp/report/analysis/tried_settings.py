"""Points: the settings that were tried, each with one seed or several."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlexp.base.statistics import Floats
from rlexp.report.analysis.parameters import Parameter

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Points:
    """Runs with a score, by point: those of one point are equal in every parameter and in the environment.

    Attributes:
        scores: [N], of each run.
        point: [N], from 0 to P-1, of each run.
        columns: [P] for each parameter: numbers that are equal where its values are.
        env: [P], from 0 on.
        first: [P], a run of each point.
    """

    scores: Floats
    point: Places
    columns: Sequence[Places]
    env: Places
    first: Places

    @classmethod
    def of(cls, parameters: Sequence[Parameter], scores: Floats, envs: Sequence[str]) -> Points:
        """Groups runs, some of which may have no score; these are left out.

        Args:
            parameters: with [runs] values each.
            scores: [runs], NaN where there is none.
            envs: [runs].
        """
        with_score = np.flatnonzero(np.isfinite(scores))
        columns = [to_indices(parameter.values)[with_score] for parameter in parameters]
        env = to_indices(envs)[with_score]
        point = to_indices(list(zip(env.tolist(), *(column.tolist() for column in columns), strict=True)))
        first = np.unique(point, return_index=True)[1]
        by_point = [column[first] for column in columns]
        return cls(scores[with_score], point, by_point, env[first], with_score[first])

    @property
    def count(self) -> int:
        """The number of points."""
        return len(self.env)

    @property
    def seeds(self) -> Places:
        """[P] number of runs of each point."""
        return np.bincount(self.point).astype(np.int64)

    def means(self, scores: Floats) -> Floats:
        """[..., P] from [..., N] scores: of a point, the mean over its seeds."""
        order = np.argsort(self.point, kind="stable")
        starts = np.concatenate([[0], np.cumsum(self.seeds)[:-1]])
        return np.add.reduceat(scores[..., order], starts, axis=-1) / self.seeds

    def others(self, at: int) -> Places:
        """[P] numbers that are equal where the environment and all parameters but the one at `at` are."""
        rest = [column.tolist() for place, column in enumerate(self.columns) if place != at]
        return to_indices(list(zip(self.env.tolist(), *rest, strict=True)))


def to_indices(values: Sequence[Hashable]) -> Places:
    """[n] numbers from 0 on, equal where the values are."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], np.int64)
