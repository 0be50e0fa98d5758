"""A task space as a unit cube, for teachers that move in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlexp.base.errors import ConfigError
from rlexp.environment.tasks.dimension import Box, Choice, Dimension, Integer
from rlexp.environment.tasks.outcome import Outcome
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task

Floats = NDArray[np.float64]


class UnitBox:
    """The parameters that have more than one value, each from 0 (its lowest) to 1 (its highest).

    A `log_box` is scaled by its logarithm. Whole and listed values lie where their numbers do.

    Args:
        space: of numbers.
        teacher: its name, for the error.

    Attributes:
        names: D parameters.
        low: [D] lowest values.
        high: [D] highest values.

    Raises:
        ConfigError: a parameter has no order, or the space holds one task only.
    """

    def __init__(self, space: TaskSpace, teacher: str) -> None:
        low, high = space.bounds(teacher)
        self.space = space
        self._log = np.array([isinstance(dim, Box) and dim.log for dim in space.dims.values()])
        self._low, self._high = self._scaled(low), self._scaled(high)
        self._moving = np.flatnonzero(self._high > self._low)
        if not len(self._moving):
            raise ConfigError(
                f"curriculum.tasks holds one task only: {teacher} has nothing to choose",
                key="curriculum.tasks",
                fix="curriculum=none",
            )
        self.names = [list(space.dims)[at] for at in self._moving]
        self.low, self.high = low[self._moving], high[self._moving]

    @property
    def discrete(self) -> bool:
        """Whether equal tasks come up again: no parameter is continuous."""
        return self.space.size is not None

    def point(self, task: Task) -> Floats:
        """[D] where a task lies."""
        return self.unit(self._scaled(self.space.vector(task)))

    def points(self, outcomes: Sequence[Outcome]) -> Floats:
        """[N, D] where the tasks of outcomes lie."""
        names = list(self.space.dims)
        bare = self.space.bare
        rows = [[o.task] if bare else [o.task[name] for name in names] for o in outcomes]
        return self.unit(self._scaled(np.array(rows, np.float64).reshape(-1, len(names))))

    def unit(self, scaled: Floats) -> Floats:
        """[..., D] from values of all parameters, logarithms where those count."""
        span = self._high[self._moving] - self._low[self._moving]
        return (scaled[..., self._moving] - self._low[self._moving]) / span

    def values(self, point: Floats) -> Floats:
        """[D] the moving parameters' values at a point."""
        return self._vector(point)[self._moving]

    def task(self, point: Floats) -> Task:
        """The task nearest to [D] numbers, which are clipped to the cube."""
        return self.space.from_vector(self._vector(point))

    def unit_values(self, values: Floats) -> Floats:
        """[D] the point where the moving parameters have `values`."""
        vector = np.where(self._log, np.exp(np.where(self._log, self._low, 0.0)), self._low)
        vector[self._moving] = values
        return self.unit(self._scaled(vector))

    def spans(self) -> Floats:
        """[D] highest minus lowest value, of the natural logarithm for a `log_box`."""
        return (self._high - self._low)[self._moving]

    def draw(self, rng: np.random.Generator, low: Floats, high: Floats) -> Floats:
        """[D] a point between two corners, uniformly; the listed and whole values between them are equally likely."""
        point = rng.uniform(low, high)
        for at, where in enumerate(self._moving):
            dim = list(self.space.dims.values())[where]
            if isinstance(dim, Box):
                continue
            first, last = (self._listed(dim, where, corner[at]) for corner in (low, high))
            if isinstance(dim, Integer):
                value: Any = rng.integers(round(first), round(last) + 1)
            else:
                assert isinstance(dim, Choice)
                between = [option for option in dim.options if first <= option <= last]
                value = between[int(rng.integers(len(between)))]
            point[at] = (value - self._low[where]) / (self._high[where] - self._low[where])
        return point

    def _listed(self, dim: Dimension, where: Any, at: float) -> float:
        """The value of `dim` nearest to the place `at`."""
        value = self._low[where] + at * (self._high[where] - self._low[where])
        return min(dim.options, key=lambda o: abs(o - value)) if isinstance(dim, Choice) else round(value)

    def _vector(self, point: Floats) -> Floats:
        """[all parameters] values; those that cannot move have their only one."""
        scaled = self._low.copy()
        inside = np.clip(np.asarray(point, np.float64), 0.0, 1.0)
        scaled[self._moving] += inside * (self._high - self._low)[self._moving]
        return np.where(self._log, np.exp(np.where(self._log, scaled, 0.0)), scaled)

    def _scaled(self, vector: Floats) -> Floats:
        return np.where(self._log, np.log(np.where(self._log, vector, 1.0)), vector)
