"""A tree of sums over an array, updated and searched for a batch at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[Any]
Values = NDArray[np.float64]

_FAN = 32
"""Children of a node: numpy adds up so many faster than it goes down the levels that a binary tree would have."""

_MANY = 256
"""Nodes above which it pays to find out which are the same."""


class SumTree:
    """Values at 0 .. size - 1, and above them, level by level, the sums and least non-zero values of `_FAN` each.

    For proportional sampling (Schaul et al. 2016).

    Args:
        size: values that there must be room for.
    """

    def __init__(self, size: int) -> None:
        self._sums: list[Values] = [_blocks(size, 0.0)]
        self._least: list[Values] = []
        while len(self._sums[-1]) > 1:
            self._least.append(_blocks(len(self._sums[-1]), np.inf))
            self._sums.append(_blocks(len(self._sums[-1]), 0.0))
        self._values = self._sums[0].reshape(-1)

    @property
    def size(self) -> int:
        """How many values there is room for."""
        return len(self._values)

    @property
    def total(self) -> float:
        """Sum of all values."""
        return float(self._sums[-1].sum())

    @property
    def least(self) -> float:
        """Smallest value that is not 0; infinite if there is none."""
        return float((self._least[-1] if self._least else _positive(self._sums[0])).min())

    def get(self, indices: Indices) -> Values:
        """Values."""
        return self._values[indices]

    def set(self, indices: Indices, values: Values | float) -> None:
        """Puts non-negative values; of an index given twice the last one counts."""
        self._values[indices] = values
        nodes = indices
        for level in range(len(self._sums) - 1):
            nodes = nodes // _FAN
            if len(nodes) > _MANY:
                nodes = np.unique(nodes)
            children = self._sums[level][nodes]
            least = _positive(children) if level == 0 else self._least[level - 1][nodes]
            self._sums[level + 1].reshape(-1)[nodes] = children.sum(axis=1)
            self._least[level].reshape(-1)[nodes] = least.min(axis=1)

    def find(self, targets: Values) -> Indices:
        """For each target the index at which the running sum first exceeds it; targets lie in [0, total)."""
        rows, nodes, rest = np.arange(len(targets)), np.zeros(len(targets), np.int64), targets
        for level in reversed(self._sums):
            children = level[nodes]
            running = children.cumsum(axis=1)
            child = (running <= rest[:, None]).sum(axis=1)
            # Rounding must not lead past the last child that holds anything.
            beyond = child == _FAN
            if beyond.any():
                child[beyond] = _FAN - 1 - (children[beyond, ::-1] > 0).argmax(axis=1)
            rest = np.maximum(rest - (running[rows, child] - children[rows, child]), 0.0)
            nodes = nodes * _FAN + child
        return nodes


def _blocks(entries: int, value: float) -> Values:
    return np.full((-(-entries // _FAN), _FAN), value)


def _positive(values: Values) -> Values:
    return np.where(values > 0, values, np.inf)
