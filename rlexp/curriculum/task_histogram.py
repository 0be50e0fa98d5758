"""Histograms of tasks over a space, one for each parameter, with few enough bins to log in every iteration."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from rlexp.environment.tasks.dimension import Box, Choice, Dimension, Integer
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task

BINS = 20
"""Most shares of one parameter."""


def labels(dim: Dimension) -> list[str]:
    """Names of a parameter's bins: its values, or where each range of them begins."""
    if _listed(dim):
        return [str(value) for value in dim.values() or []]
    if isinstance(dim, Choice):
        firsts = [-(-place * len(dim.options) // BINS) for place in range(BINS)]
        return [f"{dim.options[first]} ..." for first in firsts]
    bounds = edges(dim)
    assert bounds is not None
    return [f"{value:.3g}" for value in bounds[:-1]]


def edges(dim: Dimension) -> NDArray[np.float64] | None:
    """[bins + 1] numbers between which the bins of a parameter lie; None where each bin stands for listed values."""
    if _listed(dim) or not isinstance(dim, (Box, Integer)):
        return None
    shares = np.linspace(0.0, 1.0, BINS + 1)
    if isinstance(dim, Box) and dim.log:
        return np.asarray(dim.low * (dim.high / dim.low) ** shares)
    return np.asarray(dim.low + (dim.high - dim.low) * shares)


def task_histogram(space: TaskSpace, tasks: Iterable[Task]) -> dict[str, NDArray[np.float64]]:
    """Shares of the tasks [bins], by parameter; all 0 where there are no tasks."""
    parameters = [space.parameters(task) for task in tasks]
    return {name: _shares(dim, [p[name] for p in parameters]) for name, dim in space.dims.items()}


def _listed(dim: Dimension) -> bool:
    return dim.size is not None and dim.size <= BINS


def _shares(dim: Dimension, values: list[object]) -> NDArray[np.float64]:
    counts = np.zeros(len(labels(dim)))
    if _listed(dim) or isinstance(dim, Choice):
        known = dim.values() or []
        bins = min(BINS, len(known))
        places = {repr(value): place * bins // len(known) for place, value in enumerate(known)}
        for value in values:
            counts[places[repr(value)]] += 1
    else:
        for value in values:
            counts[min(BINS - 1, int(dim.encode(value)[0] * BINS))] += 1
    return counts / max(1, len(values))
