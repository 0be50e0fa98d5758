"""All tasks that a curriculum may choose from."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.config.schema import CurriculumChoice
from rlexp.environment.tasks.dimension import (
    MOST_VALUES,
    Box,
    Choice,
    Dimension,
    Integer,
    dimension,
    is_number,
)
from rlexp.environment.tasks.task import Task

KEY = "curriculum.tasks"


class TaskSpace:
    """The product of its parameters' values; a space of one unnamed parameter has bare values for tasks.

    Args:
        dims: dimensions by parameter name; with `bare`, one under any name.
        bare: whether a task is the one parameter's value instead of a mapping.
    """

    def __init__(self, dims: Mapping[str, Dimension], *, bare: bool = False) -> None:
        self.dims, self.bare = dict(dims), bare

    @classmethod
    def of(cls, spec: Any, key: str = KEY) -> TaskSpace:
        """From YAML: `{rooms: {int: [1, 6]}, wind: {box: [0, 15]}}`, or one dimension alone (`{levels: 1000}`).

        Raises:
            ConfigError: it is no task space.
        """
        if not isinstance(spec, dict) or not spec:
            raise ConfigError(
                f"{key} must map parameters to their values, not {spec!r}",
                key=key,
                fix=f"{key}: {{level: {{int: [1, 4]}}}}",
            )
        if all(not isinstance(value, dict) for value in spec.values()):
            return cls({"task": dimension(spec, key)}, bare=True)
        return cls({str(name): dimension(value, f"{key}.{name}") for name, value in spec.items()})

    def __repr__(self) -> str:
        return ", ".join(f"{name}: {dim}" for name, dim in self.dims.items())

    @property
    def size(self) -> int | None:
        """How many tasks; None when some parameter is continuous."""
        sizes = [dim.size for dim in self.dims.values()]
        return None if None in sizes else math.prod(size for size in sizes if size is not None)

    @property
    def width(self) -> int:
        """How many numbers `encode` gives."""
        return sum(dim.width for dim in self.dims.values())

    def sample(self, rng: np.random.Generator) -> Task:
        """One task, uniformly."""
        return self.task({name: dim.sample(rng) for name, dim in self.dims.items()})

    def tasks(self) -> list[Task]:
        """All tasks, the last parameter changing fastest.

        Raises:
            ConfigError: there are more than can be listed, or a parameter is continuous.
        """
        size = self.size
        if size is None or size > MOST_VALUES:
            what = "has a continuous parameter" if size is None else f"has {size:,} tasks"
            raise ConfigError(f"{KEY}: this teacher needs a list of tasks, and the space {what}", key=KEY)
        columns = [dim.values() or [] for dim in self.dims.values()]
        return [self.task(dict(zip(self.dims, row, strict=True))) for row in itertools.product(*columns)]

    def encode(self, task: Task) -> NDArray[np.float32]:
        """[width] numbers from 0 to 1 that tell tasks apart, for the policy to see."""
        parameters = self.parameters(task)
        numbers = itertools.chain.from_iterable(
            dim.encode(parameters[name]) for name, dim in self.dims.items()
        )
        return np.fromiter(numbers, np.float32)

    def check(self, task: Task, key: str) -> None:
        """Raises ConfigError when `task` lies outside, with the parameter and what it may be."""
        if not self.bare and not isinstance(task, Mapping):
            raise ConfigError(f"{key}: a task maps {', '.join(self.dims)} to values, not {task!r}", key=key)
        parameters = self.parameters(task)
        self.check_names(parameters, key)
        for name, dim in self.dims.items():
            if name not in parameters:
                raise ConfigError(f"{key}: the task lacks {name} ({dim})", key=key)
            if not dim.contains(parameters[name]):
                what = key if self.bare else f"{key}.{name}"
                raise ConfigError(f"{what} must be {dim}, not {parameters[name]!r}", key=key)

    def check_names(self, names: Iterable[Any], key: str) -> None:
        """Raises ConfigError when one of `names`, which stand at `key`, is no parameter."""
        for name in names:
            if name not in self.dims:
                raise ConfigError(
                    f"{key}: the task space has no {name}; it has {', '.join(self.dims)}",
                    key=key,
                    suggestions=nearest(str(name), list(self.dims)),
                )

    def parameters(self, task: Task) -> dict[str, Any]:
        """The task's values by parameter name."""
        return {next(iter(self.dims)): task} if self.bare else dict(task)

    def task(self, parameters: Mapping[str, Any]) -> Task:
        """The task with these values."""
        return parameters[next(iter(self.dims))] if self.bare else dict(parameters)

    def bounds(self, teacher: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lowest and highest values [D] of all parameters, for teachers that move in a box.

        Raises:
            ConfigError: a parameter has no order.
        """
        lows, highs = [], []
        for name, dim in self.dims.items():
            if isinstance(dim, (Box, Integer)):
                low, high = dim.low, dim.high
            elif isinstance(dim, Choice) and all(is_number(v) for v in dim.options):
                low, high = min(dim.options), max(dim.options)
            else:
                raise ConfigError(
                    f"{KEY}.{name}: {teacher} needs numbers between bounds, and it is {dim}", key=KEY
                )
            lows.append(low)
            highs.append(high)
        return np.array(lows, np.float64), np.array(highs, np.float64)

    def vector(self, task: Task) -> NDArray[np.float64]:
        """The parameters [D] as numbers; for spaces that have `bounds`."""
        parameters = self.parameters(task)
        return np.array([float(parameters[name]) for name in self.dims])

    def from_vector(self, vector: NDArray[np.float64]) -> Task:
        """The task nearest to [D] numbers: clipped to the bounds, rounded where values are whole or listed."""
        pairs = zip(self.dims.items(), np.asarray(vector, np.float64).tolist(), strict=True)
        return self.task({name: _nearest_value(dim, value) for (name, dim), value in pairs})


def _nearest_value(dim: Dimension, value: float) -> Any:
    if isinstance(dim, Choice):
        return min(dim.options, key=lambda option: abs(option - value))
    if isinstance(dim, Integer):
        return min(dim.high, max(dim.low, round(value)))
    assert isinstance(dim, Box)
    return min(dim.high, max(dim.low, value))


def space_of(choice: CurriculumChoice) -> TaskSpace:
    """The tasks.

    Raises:
        ConfigError: there are none, or they are no space.
    """
    if not choice.tasks:
        raise ConfigError(
            "curriculum.tasks is empty: neither the curriculum nor the environment says which tasks there are",
            key="curriculum.tasks",
            fix="'curriculum.tasks={level: {int: [1, 4]}}', or an env choice that has tasks (env=multiroom)",
        )
    return TaskSpace.of(choice.tasks)
