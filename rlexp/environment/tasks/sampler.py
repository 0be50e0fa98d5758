"""Samplers as values in YAML: how one parameter of a task is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.environment.tasks.dimension import Box, Choice, Dimension, Integer, dimension, is_number
from rlexp.environment.tasks.directive import Draw
from rlexp.environment.tasks.space import TaskSpace


class Sampler(Protocol):
    """Draws a parameter's value, and knows the furthest ones it can draw."""

    def sample(self, rng: np.random.Generator) -> Any:
        """One value."""

    def extremes(self) -> list[Any]:
        """Values that must lie in the dimension if all are to."""


@dataclass(frozen=True)
class Constant:
    """Always `value`."""

    value: Any

    def sample(self, rng: np.random.Generator) -> Any:
        """The value."""
        return self.value

    def extremes(self) -> list[Any]:
        """The value."""
        return [self.value]


@dataclass(frozen=True)
class OneOf:
    """Any of `options`, equally likely."""

    options: tuple[Any, ...]

    def sample(self, rng: np.random.Generator) -> Any:
        """One of them."""
        return self.options[int(rng.integers(len(self.options)))]

    def extremes(self) -> list[Any]:
        """All of them."""
        return list(self.options)


@dataclass(frozen=True)
class Ranges:
    """Uniform over one or more ranges, each as likely as it is long; of the logarithm with `log`.

    With `whole`, of the whole numbers in them, bounds included.
    """

    ranges: tuple[tuple[float, float], ...]
    log: bool = False
    whole: bool = False

    def sample(self, rng: np.random.Generator) -> float:
        """A number in one of the ranges."""
        spans = [self._span(low, high) for low, high in self.ranges]
        at = rng.uniform(0.0, sum(end - start for start, end in spans))
        which = 0
        while which < len(spans) - 1 and at > spans[which][1] - spans[which][0]:
            at -= spans[which][1] - spans[which][0]
            which += 1
        value = math.exp(spans[which][0] + at) if self.log else spans[which][0] + at
        low, high = self.ranges[which]
        return min(high, max(low, round(value) if self.whole else value))

    def _span(self, low: float, high: float) -> tuple[float, float]:
        # A whole number stands for all that is rounded to it, so that the bounds are as likely as the others.
        wider = 0.5 if self.whole else 0.0
        low, high = low - wider, high + wider
        return (math.log(low), math.log(high)) if self.log else (low, high)

    def extremes(self) -> list[Any]:
        """All bounds."""
        return [bound for pair in self.ranges for bound in pair]


@dataclass(frozen=True)
class BoundedGaussian:
    """Normal with `mean` and `std`; what falls outside the parameter's bounds is drawn again."""

    mean: float
    std: float
    within: Callable[[float], bool]
    whole: bool = False

    def sample(self, rng: np.random.Generator) -> float:
        """A number within the bounds; the mean when a hundred draws were all outside."""
        for _ in range(100):
            value = rng.normal(self.mean, self.std)
            value = round(value) if self.whole else float(value)
            if self.within(value):
                return value
        return self.mean

    def extremes(self) -> list[Any]:
        """The mean: the tails are cut."""
        return [self.mean]


@dataclass(frozen=True)
class Sampled:
    """A directive: each parameter from a sampler of its own, the others uniformly from the space."""

    space: TaskSpace
    samplers: Mapping[str, Sampler]
    tag: Any = None

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """One task."""
        drawn = {name: self.samplers.get(name, dim).sample(rng) for name, dim in self.space.dims.items()}
        return Draw(self.space.task(drawn), self.tag)


def samplers(space: TaskSpace, spec: Any, key: str) -> dict[str, Sampler]:
    """Samplers by parameter, from `{rooms: 2, wind: {uniform: [0, 15]}}`; of a bare space, one sampler alone.

    Raises:
        ConfigError: an unknown parameter or sampler, or values outside the space.
    """
    if space.bare:
        name, dim = next(iter(space.dims.items()))
        return {name: sampler(spec, dim, key)}
    if not isinstance(spec, Mapping):
        raise ConfigError(f"{key} must map {', '.join(space.dims)} to values, not {spec!r}", key=key)
    space.check_names(spec, key)
    return {str(name): sampler(value, space.dims[name], f"{key}.{name}") for name, value in spec.items()}


def sampler(spec: Any, dim: Dimension, key: str) -> Sampler:
    """One sampler: a value, or a part of the parameter's dimension, written as the task space is.

    `{choice: [...]}`, `{int: [low, high]}`, `{box: [low, high]}`, `{log_box: [low, high]}`, `{levels: count}`; and what
    a space has no use for: `{ranges: [[low, high], ...]}`, `{gaussian: [mean, std]}`. `uniform` and `log_uniform` are
    other names of `box` and `log_box`.

    Raises:
        ConfigError: it is none of these, or reaches beyond `dim`.
    """
    parsed = _parse_sampler(spec, dim, key)
    for value in parsed.extremes():
        if not dim.contains(value):
            fix = f"{key}: {{choice: {list(spec)}}}" if isinstance(spec, (list, tuple)) and spec else None
            raise ConfigError(f"{key} must be {dim}, and {spec!r} reaches {value!r}", key=key, fix=fix)
    return parsed


def _parse_sampler(spec: Any, dim: Dimension, key: str) -> Sampler:
    if not isinstance(spec, Mapping):
        return Constant(spec)
    kind = next(iter(spec), None)
    if len(spec) != 1 or kind not in _KINDS:
        known = ", ".join(_KINDS)
        raise ConfigError(
            f"{key}: a sampler is a value or one of {known}, not {dict(spec)!r}",
            key=key,
            suggestions=nearest(str(kind), list(_KINDS)),
        )
    value = spec[kind]
    if kind == "choice":
        if not isinstance(value, (list, tuple)) or not value:
            raise ConfigError(f"{key}.choice must be a list of at least one value, not {value!r}", key=key)
        return OneOf(tuple(value))
    if isinstance(dim, Choice):
        fix = f"{key}: {{choice: {list(dim.options)}}}"
        raise ConfigError(f"{key}: {kind} needs a range, and the parameter is {dim}", key=key, fix=fix)
    if kind in ("int", "box", "log_box", "levels"):
        part = dimension(spec, key)
        assert isinstance(part, (Box, Integer))
        log = isinstance(part, Box) and part.log
        whole = isinstance(part, Integer) or isinstance(dim, Integer)
        return Ranges(((part.low, part.high),), log=log, whole=whole)
    if kind == "gaussian":
        mean, std = _pair(value, f"{key}.gaussian", "[mean, std]")
        if std < 0:
            raise ConfigError(f"{key}.gaussian: the standard deviation is below 0: {std}", key=key)
        return BoundedGaussian(mean, std, dim.contains, isinstance(dim, Integer))
    pairs = value if kind == "ranges" else [value]
    if not isinstance(pairs, (list, tuple)) or not pairs:
        raise ConfigError(f"{key}.ranges must be a list of [low, high], not {value!r}", key=key)
    bounds = tuple(_range(pair, f"{key}.{kind}") for pair in pairs)
    if kind == "log_uniform" and bounds[0][0] <= 0:
        raise ConfigError(f"{key}.log_uniform must lie above 0, not {value}", key=key)
    return Ranges(bounds, log=kind == "log_uniform", whole=isinstance(dim, Integer))


def _pair(value: Any, key: str, form: str) -> tuple[float, float]:
    if not isinstance(value, (list, tuple)) or len(value) != 2 or not all(is_number(v) for v in value):
        raise ConfigError(f"{key} must be {form}, not {value!r}", key=key, fix=f"{key}: {form}")
    return value[0], value[1]


def _range(value: Any, key: str) -> tuple[float, float]:
    low, high = _pair(value, key, "[low, high]")
    if low > high:
        raise ConfigError(f"{key}: {low} is above {high}", key=key, fix=f"{key}: [{high}, {low}]")
    return low, high


_KINDS = ("choice", "int", "box", "log_box", "levels", "ranges", "gaussian", "uniform", "log_uniform")
