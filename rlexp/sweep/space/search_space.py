"""A space: which values each key takes, and the draws from it."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from rlexp.base.errors import ConfigError

SCALES = ("log", "one_minus", "pow2")
"""Tags of an interval: uniform in the logarithm, in the logarithm of 1 - x, over powers of two."""
MOST_TRIALS = 100_000
"""Trials of one sweep; each is composed and checked before the first begins, which takes milliseconds."""
Point = dict[str, str]
"""A value for each key, written as in an override."""


def written(value: object) -> str:
    """A value as an override has it; six digits of a float."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class SearchDimension(Protocol):
    """The values of one key, or of several that vary together."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that it sets."""

    def values(self) -> list[Point]:
        """All of them; raises ConfigError where they have no end."""

    def ends(self) -> list[Point]:
        """The values of a list, the two ends of an interval."""

    def draw(self, rng: np.random.Generator) -> Point:
        """One of them."""

    def describe(self) -> list[tuple[str, str]]:
        """Each key with its values as text, for the printed plan."""


@dataclass(frozen=True)
class Listed:
    """Points in a list; of one key, or of several whose values are tried pairwise."""

    points: tuple[tuple[tuple[str, str], ...], ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """See `SearchDimension`."""
        return tuple(key for key, _ in self.points[0])

    def values(self) -> list[Point]:
        """See `SearchDimension`."""
        return [dict(point) for point in self.points]

    ends = values

    def draw(self, rng: np.random.Generator) -> Point:
        """Uniformly."""
        return dict(self.points[int(rng.integers(len(self.points)))])

    def describe(self) -> list[tuple[str, str]]:
        """See `SearchDimension`."""
        return [(key, ", ".join(dict(row)[key] for row in self.points)) for key in self.keys]

    def row(self, point: Point) -> int:
        """Which of the list's points a point of the full space has; the first where it holds one twice."""
        return next(i for i, row in enumerate(self.points) if all(point[key] == value for key, value in row))


@dataclass(frozen=True)
class Interval:
    """Numbers from `low` to `high`, on a scale; integers where `whole`."""

    key: str
    low: float
    high: float
    scale: str | None = None
    whole: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """See `SearchDimension`."""
        return (self.key,)

    def values(self) -> list[Point]:
        """Powers of two can be listed."""
        if self.scale == "pow2" and self.integer_range:
            return [self.from_integer(n) for n in range(*self.integer_range)]
        raise ConfigError(
            f"{self.key}: an interval has no end of values to try one after another",
            key=self.key,
            fix="sweep=random sweep.trials=20, or choice(...) or range(...) in its place",
        )

    def ends(self) -> list[Point]:
        """See `SearchDimension`."""
        return [self.at(0.0), self.at(1.0)]

    def draw(self, rng: np.random.Generator) -> Point:
        """By the scale."""
        if self.integer_range:
            return self.from_integer(int(rng.integers(*self.integer_range)))
        return self.at(rng.random())

    def at(self, share: float) -> Point:
        """What lies at a share from 0 to 1 of the way from `low` to `high`, on the scale."""
        if self.integer_range:
            first, end = self.integer_range
            return self.from_integer(min(first + int(share * (end - first)), end - 1))
        if self.scale == "log":
            value = self.low * (self.high / self.low) ** share
        elif self.scale == "one_minus":
            value = 1.0 - (1.0 - self.low) * ((1.0 - self.high) / (1.0 - self.low)) ** share
        else:
            value = self.low + (self.high - self.low) * share
        if self.whole:
            return {self.key: str(min(max(round(value), math.ceil(self.low)), math.floor(self.high)))}
        return {self.key: written(value)}

    def share(self, text: str) -> float:
        """Where a value lies: the inverse of `at`; values beyond the bounds lie at them."""
        if self.integer_range:
            first, end = self.integer_range
            return (self.to_integer(text) - first + 0.5) / (end - first)
        value = min(max(float(text), self.low), self.high)
        if self.scale == "log":
            return math.log(value / self.low) / math.log(self.high / self.low)
        if self.scale == "one_minus":
            return math.log((1.0 - value) / (1.0 - self.low)) / math.log((1.0 - self.high) / (1.0 - self.low))
        return (value - self.low) / (self.high - self.low)

    def describe(self) -> list[tuple[str, str]]:
        """See `SearchDimension`."""
        kind = ", ".join(filter(None, (self.scale, "whole" if self.whole else None)))
        return [(self.key, f"{self.low:g} to {self.high:g}" + (f" ({kind})" if kind else ""))]

    @property
    def integer_range(self) -> tuple[int, int] | None:
        """First and one past the last integer, or exponent of two, all equally likely; None for continuous values."""
        if self.scale == "pow2":
            return math.ceil(math.log2(self.low)), math.floor(math.log2(self.high)) + 1
        return (math.ceil(self.low), math.floor(self.high) + 1) if self.whole and self.scale is None else None

    def from_integer(self, number: int) -> Point:
        """The point at an integer, or exponent of two, of `integer_range`."""
        return {self.key: str(2**number if self.scale == "pow2" else number)}

    def to_integer(self, text: str) -> int:
        """The integer or exponent that is nearest to a value: the inverse of `from_integer`."""
        first, end = self.integer_range or (0, 1)
        value = float(text)
        near = round(math.log2(max(value, 2.0**first))) if self.scale == "pow2" else round(value)
        return min(max(near, first), end - 1)


@dataclass(frozen=True)
class Space:
    """The dimensions, in the order in which they were written."""

    dimensions: tuple[SearchDimension, ...]

    def grid(self) -> Iterator[Point]:
        """Every combination; the last key changes quickest."""
        for parts in itertools.product(*(dimension.values() for dimension in self.dimensions)):
            yield {key: value for part in parts for key, value in part.items()}

    @property
    def combinations(self) -> int:
        """How many points its grid has."""
        return math.prod(len(dimension.values()) for dimension in self.dimensions)

    def plain(self) -> list[dict[str, Any]]:
        """The dimensions as plain values; see `of_plain`."""
        return [dataclasses.asdict(dimension) for dimension in self.dimensions]  # type: ignore[call-overload]

    @classmethod
    def of_plain(cls, plain: Sequence[dict[str, Any]]) -> Space:
        """The inverse of `plain`."""
        return cls(
            tuple(
                Listed(tuple(tuple((str(k), str(v)) for k, v in row) for row in plain_dimension["points"]))
                if "points" in plain_dimension
                else Interval(**plain_dimension)
                for plain_dimension in plain
            )
        )

    def draws(self, seed: int) -> Iterator[Point]:
        """Endlessly; the same seed draws the same, however many are asked for."""
        rng = np.random.default_rng(seed)
        while True:
            yield {k: v for dimension in self.dimensions for k, v in dimension.draw(rng).items()}
