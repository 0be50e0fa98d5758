"""Tasks by number (their index in `space.tasks()`), with a probability and an iteration's mean score of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlexp.base.errors import ConfigError
from rlexp.base.moved_names import renamed_fields
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY
from rlexp.environment.tasks.dimension import MOST_VALUES, Choice, Dimension, Integer, is_number
from rlexp.environment.tasks.directive import Draw
from rlexp.environment.tasks.outcome import Outcome, measured
from rlexp.environment.tasks.space import KEY as TASKS
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def count_tasks(space: TaskSpace, teacher: str) -> int:
    """How many tasks there are, for a teacher that keeps figures of each.

    Raises:
        ConfigError: too many to keep figures of, or a parameter is continuous.
    """
    size = space.size
    if size is None or size > MOST_VALUES:
        what = "has a continuous parameter" if size is None else f"holds {size:,}"
        raise ConfigError(
            f"{TASKS}: {teacher} keeps figures of each task, of {MOST_VALUES:,} at most, and the space {what}",
            key=TASKS,
            fix="int or choice parameters, or a teacher for boxes (alp_gmm) or for many levels (plr)",
        )
    return size


def task_at(space: TaskSpace, number: int) -> Task:
    """The task that is `number` in `space.tasks()`, without listing them."""
    values: dict[str, Any] = {}
    for name, dim in reversed(space.dims.items()):
        number, at = divmod(number, _size(dim))
        values[name] = _value(dim, at)
    return space.task({name: values[name] for name in space.dims})


def number_of(space: TaskSpace, task: Task) -> int:
    """The inverse of `task_at`, for a task of the space."""
    number, values = 0, space.parameters(task)
    for name, dim in space.dims.items():
        number = number * _size(dim) + rank_of(dim, values[name])
    return number


def rank_of(dim: Dimension, value: Any) -> int:
    """The place of `value` among the values of a dimension that has a list of them."""
    if isinstance(dim, Integer):
        return int(value) - dim.low
    # 1 and true are equal in Python, and are two values.
    return next(
        at
        for at, v in enumerate(dim.values() or [])
        if v == value and isinstance(v, bool) == isinstance(value, bool)
    )


def _size(dim: Dimension) -> int:
    assert dim.size is not None
    return dim.size


def _value(dim: Dimension, at: int) -> Any:
    if isinstance(dim, Integer):
        return dim.low + at
    return dim.options[at] if isinstance(dim, Choice) else (dim.values() or [])[at]


@renamed_fields(upto="cdf")
@dataclass(frozen=True)
class TaskDistribution:
    """Tasks by number with a probability each; a draw is tagged with its task's number.

    Attributes:
        space: of N tasks.
        cdf: [N] cumulative probabilities, float32.
    """

    space: TaskSpace
    cdf: NDArray[np.float32]

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """One task."""
        number = pick(self.cdf, rng)
        return Draw(task_at(self.space, number), number)


def cumulative(weights: Floats) -> NDArray[np.float32]:
    """[N] cumulative probabilities of weights of at least 0, not all 0; what has weight 0 is never picked."""
    cdf = (np.cumsum(weights) / weights.sum()).astype(np.float32)
    cdf[np.flatnonzero(weights)[-1] :] = 1.0
    return cdf


def pick(cdf: NDArray[np.float32], rng: np.random.Generator) -> int:
    """A number from 0 to N - 1, by [N] cumulative probabilities."""
    return int(np.searchsorted(cdf, rng.random(dtype=np.float32), side="right"))


def even(tied: NDArray[np.bool_]) -> Floats:
    """[N] probabilities, the same for all that are marked."""
    return tied / tied.sum()


def means(outcomes: Sequence[Outcome], score_range: tuple[float, float]) -> tuple[Ints, Floats]:
    """Numbers of the tasks that were drawn by `TaskDistribution`, rising, and the mean score of each.

    Scores become (score - low) / (high - low), clipped to [0, 1]; those that are no finite number are left out.
    """
    ours = [outcome for outcome in measured(outcomes) if outcome.tag is not None]
    numbers = np.fromiter((outcome.tag for outcome in ours), np.int64, len(ours))
    scores = np.fromiter((outcome.score for outcome in ours), np.float64, len(ours))
    low, high = score_range
    tasks, where = np.unique(numbers, return_inverse=True)
    sums = np.bincount(where, np.clip((scores - low) / (high - low), 0.0, 1.0), len(tasks))
    return tasks, sums / np.maximum(np.bincount(where, minlength=len(tasks)), 1)


def score_bounds(value: Any) -> tuple[float, float]:
    """The argument `score_range`.

    Raises:
        ConfigError: it is no pair of rising numbers.
    """
    key = f"{KEY}.score_range"
    pair = isinstance(value, (list, tuple)) and len(value) == 2 and all(is_number(v) for v in value)
    if not pair or value[0] >= value[1]:
        raise ConfigError(f"{key} must be [low, high], not {value!r}", key=key, fix=f"{key}=[0,1]")
    return float(value[0]), float(value[1])
