"""Small changes of a task: the default edit of ACCEL, and edits of one's own by import path."""

from __future__ import annotations

import inspect
import math
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError, RunFailedError
from rlexp.config.callables.targets import locate
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY
from rlexp.environment.tasks.dimension import Box, Choice, Dimension, Integer
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task

MUTATE = f"{KEY}.mutate"
EXAMPLE = f"{MUTATE}: envs.mine.mutate, a function of (task, rng) that returns a task"

Edit = Callable[[Task, np.random.Generator], Task]


@dataclass(frozen=True)
class ParameterStep:
    """Moves one parameter, picked at random, up or down by at most `size` of its range, and by one value at least.

    A `log_box` moves in its logarithm; a value of a choice without numbers becomes any other. At a bound the value
    stays within.
    """

    space: TaskSpace
    size: float

    def __call__(self, task: Task, rng: np.random.Generator) -> Task:
        """Another task; the same where the space has no other."""
        values = self.space.parameters(task)
        names = [name for name, dim in self.space.dims.items() if dim.size != 1]
        if not names:
            return task
        name = names[int(rng.integers(len(names)))]
        return self.space.task({**values, name: self._moved(self.space.dims[name], values[name], rng)})

    def _moved(self, dim: Dimension, value: Any, rng: np.random.Generator) -> Any:
        if isinstance(dim, Box):
            move = float(rng.uniform(-self.size, self.size))
            if not dim.log:
                return min(dim.high, max(dim.low, value + move * (dim.high - dim.low)))
            return min(dim.high, max(dim.low, value * math.exp(move * math.log(dim.high / dim.low))))
        if isinstance(dim, Integer):
            return dim.low + self._place(value - dim.low, dim.size, rng)
        assert isinstance(dim, Choice)
        if dim.width == 1:
            ranked = sorted(dim.options)
            return ranked[self._place(ranked.index(value), len(ranked), rng)]
        others = [option for option in dim.options if option is not value and option != value]
        return others[int(rng.integers(len(others)))]

    def _place(self, at: int, count: int, rng: np.random.Generator) -> int:
        """Another place among `count`, up or down; inwards at an end."""
        far = int(rng.integers(1, max(1, round(self.size * (count - 1))) + 1))
        up = at == 0 or (at < count - 1 and rng.random() < 0.5)
        return min(count - 1, at + far) if up else max(0, at - far)


@dataclass(frozen=True)
class Edits:
    """`edits` edits of one's own function, or steps, one after another.

    Attributes:
        name: of the function, for the error.
    """

    space: TaskSpace
    edit: Edit
    edits: int
    name: str

    def __call__(self, task: Task, rng: np.random.Generator) -> Task:
        """The task after all edits.

        Raises:
            RunFailedError: what came out is no task of the space.
        """
        for _ in range(self.edits):
            task = self.edit(task, rng)
        try:
            self.space.check(task, "the task")
        except ConfigError as error:
            raise RunFailedError(f"{MUTATE}: {self.name} returned {task!r}: {error}") from None
        return task


def edits_of(space: TaskSpace, mutate: Any, edits: int, step: float, trusted: Sequence[str]) -> Edits:
    """The argument `mutate`: an import path, a callable, or None for `ParameterStep`.

    Raises:
        ConfigError: it names nothing that can be called with (task, rng), or cannot be sent to env runners.
    """
    if mutate is None:
        return Edits(space, ParameterStep(space, step), edits, "the default step")
    edit = _located(mutate, trusted) if isinstance(mutate, str) else mutate
    if not callable(edit) or inspect.isclass(edit):
        raise ConfigError(f"{MUTATE} must name a function, not {mutate!r}", key=MUTATE, fix=EXAMPLE)
    name = mutate if isinstance(mutate, str) else getattr(edit, "__qualname__", type(edit).__qualname__)
    try:
        inspect.signature(edit).bind(None, None)
    except TypeError:
        raise ConfigError(f"{MUTATE}: {name} does not take (task, rng)", key=MUTATE, fix=EXAMPLE) from None
    try:
        pickle.dumps(edit)
    except (pickle.PicklingError, AttributeError, TypeError):
        text = f"{MUTATE}: {name} cannot be sent to env runners: it is no function of a module"
        raise ConfigError(text, key=MUTATE, fix=EXAMPLE) from None
    return Edits(space, edit, edits, name)


def _located(path: str, trusted: Sequence[str]) -> Any:
    try:
        return locate(path, trusted)
    except ConfigError as error:
        text = f"{MUTATE}: {str(error).partition(chr(10))[0]}"
        raise ConfigError(text, key=MUTATE, suggestions=error.suggestions, fix=error.fix) from None
