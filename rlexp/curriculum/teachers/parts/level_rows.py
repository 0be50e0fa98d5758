"""Tasks as rows of numbers, so that many of them are one array: small, comparable and exact."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError
from rlexp.curriculum.teachers.parts.indexed_tasks import Floats, Ints, rank_of
from rlexp.environment.tasks.dimension import Box, Choice, Integer
from rlexp.environment.tasks.space import KEY as TASKS
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task

MOST = 2**53
"""Whole numbers up to here are exact as floats."""


def check_rows(space: TaskSpace, teacher: str) -> None:
    """Raises ConfigError when a whole number of the space is too large to be exact."""
    for name, dim in space.dims.items():
        if isinstance(dim, Integer) and max(abs(dim.low), abs(dim.high)) > MOST:
            raise ConfigError(
                f"{TASKS}.{name}: {teacher} holds whole numbers up to 2^53, and it is {dim}", key=TASKS
            )


def row_of(space: TaskSpace, task: Task) -> Floats:
    """[D] the parameters' values; the place in its list for a value of a choice."""
    values = space.parameters(task)
    row = [
        rank_of(d, values[name]) if isinstance(d, Choice) else values[name] for name, d in space.dims.items()
    ]
    return np.array(row, np.float64)


def task_of(space: TaskSpace, row: Floats) -> Task:
    """The inverse of `row_of`."""
    values: dict[str, Any] = {}
    for (name, dim), number in zip(space.dims.items(), row.tolist(), strict=True):
        if isinstance(dim, Choice):
            values[name] = dim.options[int(number)]
        else:
            values[name] = int(number) if isinstance(dim, Integer) else float(number)
    return space.task(values)


def numbers_of_rows(space: TaskSpace, rows: Floats) -> Ints:
    """[N] task numbers as in `indexed_tasks`, of [N, D] rows of a space without a continuous parameter."""
    numbers = np.zeros(len(rows), np.int64)
    for at, dim in enumerate(space.dims.values()):
        low = dim.low if isinstance(dim, Integer) else 0
        numbers = numbers * (dim.size or 1) + rows[:, at].astype(np.int64) - low
    return numbers


def draw_rows(space: TaskSpace, rng: np.random.Generator, count: int) -> Floats:
    """[at most `count`, D] different tasks drawn uniformly; fewer where the space hardly has as many."""
    columns = []
    for dim in space.dims.values():
        if isinstance(dim, Box) and dim.log:
            column = np.exp(rng.uniform(np.log(dim.low), np.log(dim.high), count)).clip(dim.low, dim.high)
        elif isinstance(dim, Box):
            column = rng.uniform(dim.low, dim.high, count)
        elif isinstance(dim, Integer):
            column = rng.integers(dim.low, dim.high + 1, count).astype(np.float64)
        else:
            column = rng.integers(dim.size or 1, size=count).astype(np.float64)
        columns.append(column)
    return unique_rows(np.stack(columns, axis=1))


def unique_rows(rows: Floats) -> Floats:
    """Each row once, where it came first."""
    first = np.unique(rows, axis=0, return_index=True)[1]
    return rows[np.sort(first)]


def compact(rows: Floats) -> np.ndarray:
    """The same numbers in half the bytes, where they are whole and small."""
    small = rows.astype(np.int32) if not len(rows) or np.abs(rows).max() < 2**31 else None
    return small if small is not None and np.array_equal(small, rows) else rows
