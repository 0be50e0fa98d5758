"""One parameter of a task: which values it may have, and how they become numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from rlexp.base.errors import ConfigError

MOST_VALUES = 100_000
"""More values than this are drawn, never listed."""


class Dimension(Protocol):
    """The values of one parameter."""

    @property
    def size(self) -> int | None:
        """How many values; None for a continuum."""

    @property
    def width(self) -> int:
        """How many numbers `encode` gives."""

    def sample(self, rng: np.random.Generator) -> Any:
        """One value, uniformly."""

    def contains(self, value: Any) -> bool:
        """True if `value` may be had."""

    def values(self) -> list[Any] | None:
        """All of them in order; None for a continuum, or where there are too many to list."""

    def encode(self, value: Any) -> list[float]:
        """Numbers from 0 to 1 that tell values apart."""

    def __str__(self) -> str:
        """As an error message names it."""


@dataclass(frozen=True)
class Choice:
    """Any of a list of values; encoded by rank where all are numbers, one-hot otherwise."""

    options: tuple[Any, ...]

    @property
    def size(self) -> int:
        """How many values."""
        return len(self.options)

    @property
    def width(self) -> int:
        """1 for numbers, otherwise one for each value."""
        return 1 if self._numbers else len(self.options)

    @property
    def _numbers(self) -> bool:
        return all(is_number(value) for value in self.options)

    def sample(self, rng: np.random.Generator) -> Any:
        """One value, uniformly."""
        return self.options[int(rng.integers(len(self.options)))]

    def contains(self, value: Any) -> bool:
        """True if `value` is one of them."""
        return any(
            value == option and isinstance(value, bool) == isinstance(option, bool) for option in self.options
        )

    def values(self) -> list[Any]:
        """All of them in the given order."""
        return list(self.options)

    def encode(self, value: Any) -> list[float]:
        """The rank among numbers, from 0 to 1; one-hot for anything else."""
        if self._numbers:
            ranked = sorted(self.options)
            return [ranked.index(value) / max(1, len(ranked) - 1)]
        return [float(value == option) for option in self.options]

    def __str__(self) -> str:
        return f"one of {', '.join(map(str, self.options))}"


@dataclass(frozen=True)
class Integer:
    """Whole numbers from `low` to `high`, both included."""

    low: int
    high: int
    width: int = 1

    @property
    def size(self) -> int:
        """How many values."""
        return self.high - self.low + 1

    def sample(self, rng: np.random.Generator) -> int:
        """One value, uniformly."""
        return int(rng.integers(self.low, self.high + 1))

    def contains(self, value: Any) -> bool:
        """True if `value` is whole and between the bounds."""
        return is_number(value) and float(value).is_integer() and self.low <= value <= self.high

    def values(self) -> list[int] | None:
        """All of them, rising; None where there are too many to list."""
        return list(range(self.low, self.high + 1)) if self.size <= MOST_VALUES else None

    def encode(self, value: Any) -> list[float]:
        """The place between the bounds."""
        return [(value - self.low) / max(1, self.high - self.low)]

    def __str__(self) -> str:
        return f"a whole number from {self.low} to {self.high}"


@dataclass(frozen=True)
class Box:
    """Numbers from `low` to `high`; drawn uniformly in the logarithm with `log`."""

    low: float
    high: float
    log: bool = False
    size: int | None = None
    width: int = 1

    def sample(self, rng: np.random.Generator) -> float:
        """One value, uniformly, of itself or of its logarithm."""
        if self.log:
            return float(
                np.clip(math.exp(rng.uniform(math.log(self.low), math.log(self.high))), self.low, self.high)
            )
        return float(rng.uniform(self.low, self.high))

    def contains(self, value: Any) -> bool:
        """True if `value` is between the bounds."""
        return is_number(value) and self.low <= value <= self.high

    def values(self) -> None:
        """A continuum has no list."""

    def encode(self, value: Any) -> list[float]:
        """The place between the bounds, of the logarithm with `log`."""
        low, high, at = (math.log(x) if self.log else x for x in (self.low, self.high, value))
        return [(at - low) / (high - low)]

    def __str__(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"


def is_number(value: Any) -> bool:
    """True if it is a finite number, and no truth value."""
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and math.isfinite(value)


def dimension(spec: Any, key: str) -> Dimension:
    """A dimension from its YAML.

    `{choice: [...]}`, `{int: [low, high]}`, `{box: [low, high]}`, `{log_box: [low, high]}` or `{levels: count}`.

    Raises:
        ConfigError: anything else, an empty choice, or bounds that hold nothing.
    """
    if not isinstance(spec, Mapping) or len(spec) != 1 or next(iter(spec)) not in _KINDS:
        raise ConfigError(
            f"{key} must be one of {', '.join(f'{{{kind}: ...}}' for kind in _KINDS)}, not {spec!r}",
            key=key,
            fix=_suggested_spec(spec, key),
        )
    kind, value = next(iter(spec.items()))
    return _KINDS[kind](value, f"{key}.{kind}")


def _suggested_spec(spec: Any, key: str) -> str:
    """What may be meant: samplers have further names, and lists and numbers are written without one elsewhere."""
    if isinstance(spec, (list, tuple)) and spec:
        return f"{key}: {{choice: {list(spec)}}}"
    kind, value = next(iter(spec.items()), ("", None)) if isinstance(spec, Mapping) else ("", None)
    same = {"uniform": "box", "log_uniform": "log_box", "ranges": "box", "gaussian": "box"}.get(str(kind))
    if same is None:
        return f"{key}: {{int: [1, 4]}}"
    bounds = value if kind in ("uniform", "log_uniform") else "[low, high]"
    return f"{key}: {{{same}: {bounds}}}, and {kind} where tasks are drawn (a stage's task, sample)"


def _choice(value: Any, key: str) -> Choice:
    if not isinstance(value, (list, tuple)) or not value:
        raise ConfigError(
            f"{key} must be a list of at least one value, not {value!r}", key=key, fix=f"{key}: [1, 2]"
        )
    options = tuple(value)
    if len({repr(option) for option in options}) < len(options):
        raise ConfigError(f"{key} has a value twice: {list(options)}", key=key)
    return Choice(options)


def _int(value: Any, key: str) -> Integer:
    low, high = _bounds(value, key)
    if low != int(low) or high != int(high):
        raise ConfigError(
            f"{key} must be whole numbers, not {value}", key=key, fix=f"box instead of int in {key}"
        )
    return Integer(int(low), int(high))


def _box(value: Any, key: str) -> Box:
    low, high = _bounds(value, key)
    if low == high:
        raise ConfigError(f"{key}: {low} to {high} holds one value only", key=key, fix=f"{{choice: [{low}]}}")
    return Box(low, high)


def _log_box(value: Any, key: str) -> Box:
    box = _box(value, key)
    if box.low <= 0:
        raise ConfigError(f"{key} must lie above 0, not {value}", key=key)
    return Box(box.low, box.high, log=True)


def _levels(value: Any, key: str) -> Integer:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{key} must be a count of at least 1, not {value!r}", key=key, fix=f"{key}: 1000")
    return Integer(0, value - 1)


def _bounds(value: Any, key: str) -> Sequence[float]:
    if not isinstance(value, (list, tuple)) or len(value) != 2 or not all(is_number(v) for v in value):
        raise ConfigError(f"{key} must be [low, high], not {value!r}", key=key, fix=f"{key}: [0, 1]")
    if value[0] > value[1]:
        raise ConfigError(
            f"{key}: {value[0]} is above {value[1]}", key=key, fix=f"{key}: [{value[1]}, {value[0]}]"
        )
    return value


_KINDS: dict[str, Callable[[Any, str], Dimension]] = {
    "choice": _choice,
    "int": _int,
    "box": _box,
    "log_box": _log_box,
    "levels": _levels,
}
