"""Which tasks come before which: an acyclic graph over a task space."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError
from rlexp.curriculum.teachers.parts.indexed_tasks import Floats, Ints, number_of, task_at
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import task_key

EDGES = f"{KEY}.edges"


class TaskGraph:
    """N tasks by number, and edges [E] from an easier to a harder one.

    Args:
        space: of N tasks.
        edges: [easier, harder] pairs of tasks; None for a grid: each value of a parameter before the next one, all
            others being equal.

    Attributes:
        easier: [E] task numbers; the edges lie in topological order of their harder ends.
        harder: [E] task numbers.

    Raises:
        ConfigError: an edge is malformed, given twice or names no task, or the edges make a cycle.
    """

    def __init__(self, space: TaskSpace, edges: Sequence[Any] | None) -> None:
        assert space.size is not None
        self.count = space.size
        pairs = _grid(space) if edges is None else _listed(space, edges)
        rank = self._rank(pairs, space)
        pairs = pairs[np.argsort(rank[pairs[:, 1]], kind="stable")]
        self.easier, self.harder = pairs[:, 0], pairs[:, 1]
        self._pairs = list(zip(self.easier.tolist(), self.harder.tolist(), strict=True))
        self.easier_count = np.bincount(self.harder, minlength=self.count)
        self.harder_count = np.bincount(self.easier, minlength=self.count)

    def lowest_before(self, values: Floats) -> Floats:
        """[N] the lowest of `values` [N] among all tasks on the way to each; 1 where there is none."""
        known, lowest = values.tolist(), [1.0] * self.count
        for easier, harder in self._pairs:
            lowest[harder] = min(lowest[harder], lowest[easier], known[easier])
        return np.array(lowest)

    def lowest_after(self, values: Floats) -> Floats:
        """[N] the lowest of `values` [N] among the tasks right after each; 0 where there is none."""
        lowest = np.full(self.count, np.inf)
        np.minimum.at(lowest, self.easier, values[self.harder])
        return np.where(self.harder_count > 0, lowest, 0.0)

    def pass_back(self, values: Floats, share: float) -> Floats:
        """[N] `values` after each task, the hardest first, gave a share of all it has to those right before it."""
        have, ways = values.tolist(), self.easier_count.tolist()
        gift, giver = 0.0, -1
        for easier, harder in reversed(self._pairs):  # all edges of one harder task are neighbours
            if harder != giver:
                giver, gift = harder, share * have[harder] / ways[harder]
                have[harder] *= 1.0 - share
            have[easier] += gift
        return np.array(have)

    def pass_on(self, values: Floats, share: float) -> Floats:
        """[N] `values` after each task gave a share of what it had to those right after it, all at once."""
        gifts = share * values / np.maximum(self.harder_count, 1)
        remaining = np.where(self.harder_count > 0, (1.0 - share) * values, values)
        return remaining + np.bincount(self.harder, gifts[self.easier], self.count)

    def _rank(self, pairs: Ints, space: TaskSpace) -> Ints:
        """[N] place of each task in a topological order."""
        before: dict[int, list[int]] = {task: [] for task in range(self.count)}
        for easier, harder in pairs.tolist():
            before[harder].append(easier)
        try:
            order = list(TopologicalSorter(before).static_order())
        except CycleError as error:
            names = " before ".join(task_key(task_at(space, at)) for at in error.args[1])
            raise ConfigError(
                f"{EDGES} go round in a cycle: {names}", key=EDGES, fix="remove one of these edges"
            ) from None
        rank = np.zeros(self.count, np.int64)
        rank[order] = np.arange(self.count)
        return rank


def _grid(space: TaskSpace) -> Ints:
    sizes = [dim.size or 1 for dim in space.dims.values()]
    numbers = np.arange(int(np.prod(sizes))).reshape(sizes)
    parts = [np.zeros((0, 2), np.int64)]
    for axis in range(len(sizes)):
        turned = np.moveaxis(numbers, axis, 0)
        parts.append(np.stack([turned[:-1].ravel(), turned[1:].ravel()], axis=1))
    return np.concatenate(parts)


def _listed(space: TaskSpace, edges: Any) -> Ints:
    if not isinstance(edges, (list, tuple)):
        raise ConfigError(f"{EDGES} must be a list of [easier, harder] tasks, not {edges!r}", key=EDGES)
    pairs: dict[tuple[int, int], None] = {}
    for at, edge in enumerate(edges):
        key = f"{EDGES}[{at}]"
        if not isinstance(edge, (list, tuple)) or len(edge) != 2:
            raise ConfigError(f"{key} must be [easier, harder], not {edge!r}", key=key)
        for task in edge:
            space.check(task, key)
        pair = number_of(space, edge[0]), number_of(space, edge[1])
        if pair in pairs:
            raise ConfigError(f"{key} is there twice: {edge!r}", key=key, fix="remove one of them")
        pairs[pair] = None
    return np.array(list(pairs), np.int64).reshape(-1, 2)
