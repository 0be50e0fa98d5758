"""Several seeds of one point as one objective: one score for them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rlexp.base.statistics import iqm

AGGREGATES: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": lambda scores: float(np.mean(scores)),
    "iqm": lambda scores: float(iqm(np.asarray(scores, dtype=np.float64))),
}
"""How the scores of a point's seeds become one."""


class SeedGroups:
    """Which trials are seeds of the same point; a group is called as its first trial."""

    def __init__(self, names: Sequence[str] = (), *, seeds: int = 1, aggregate: str = "mean") -> None:
        """Groups trials.

        Args:
            names: of the trials as they are planned: the seeds of a point one after another.
            seeds: of each point.
            aggregate: of `AGGREGATES`.
        """
        self._seeds, self._aggregate = seeds, AGGREGATES[aggregate]
        self._members: dict[str, tuple[str, ...]] = {}
        self._group: dict[str, str] = {}
        self.add(names)

    def add(self, names: Sequence[str]) -> None:
        """Adds points with all of their seeds."""
        assert len(names) % self._seeds == 0, "a point has all of its seeds"
        for first in range(0, len(names), self._seeds):
            members = tuple(names[first : first + self._seeds])
            self._members[members[0]] = members
            self._group.update(dict.fromkeys(members, members[0]))

    @property
    def names(self) -> list[str]:
        """Of the groups, as planned."""
        return list(self._members)

    def of(self, trial: str) -> str:
        """A trial's group."""
        return self._group[trial]

    def members(self, group: str) -> tuple[str, ...]:
        """A group's trials."""
        return self._members[group]

    def score(self, scores: Sequence[float]) -> float:
        """One of several."""
        return self._aggregate(scores)

    def scores(self, trials: Mapping[str, float | None]) -> dict[str, float | None]:
        """Each group's score; None while a seed has none, for the rest of them would be another objective.

        Args:
            trials: scores by the trials' names; None or absent for those that have none.
        """
        return {group: self.one_score(group, trials) for group in self._members}

    def one_score(self, group: str, trials: Mapping[str, float | None]) -> float | None:
        """One group's score; see `scores`."""
        members = self._members[group]
        known_scores = [score for member in members if (score := trials.get(member)) is not None]
        return self.score(known_scores) if len(known_scores) == len(members) else None
