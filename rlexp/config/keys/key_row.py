"""What a row of the table of keys says, and how a value is judged by it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.config.override_text import assigned

SEEDS = 2**32
"""Seeds are below this: numpy takes no more."""

MANDATORY = "???"
"""OmegaConf's mark of a value that the person must give."""

Lookup = Callable[[str], Any]
"""From a dotted key to its value in the plain config; None where there is none."""


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`; `above` leaves `low` itself out, `below` leaves out `high`."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False
    integer: bool = False
    nullable: bool = True

    def __contains__(self, value: float) -> bool:
        over = value > self.low if self.above else value >= self.low
        under = value < self.high if self.below else value <= self.high
        return over and under and math.isfinite(value)

    def __str__(self) -> str:
        """The range in words, e.g. `from 0 to 1` or `above 0`."""
        low = f"above {self.low:g}" if self.above else f"at least {self.low:g}"
        high = f"below {self.high:,g}" if self.below else f"at most {self.high:g}"
        if self.high == SEEDS:
            high = f"below {SEEDS:,}"
        if self.low == -math.inf:
            return high
        if self.high == math.inf:
            return low
        return f"{low} and {high}"


FRACTION = Range(0, 1)
NOT_NEGATIVE = Range(0)
POSITIVE = Range(0, above=True)
LONG_S = Range(0, 1e9, above=True)
LONG_OR_NONE_S = Range(0, 1e9)
"""Waiting times in seconds: thirty years are enough, and what waits takes no more."""
COUNT = Range(1, integer=True)
COUNT_OR_NONE = Range(0, integer=True)


@dataclass(frozen=True)
class Key:
    """What is known of one config key beyond its type, which the schema's field or RLlib's signature says.

    Attributes:
        name: dotted; in the table, `*` stands for any text.
        range: the numbers that it may have; of a list its members, of a schedule its values.
        names: the texts that it may have; empty for any.
        auto: True if it may be the word `auto` in place of a number.
        annotation: its type, where RLlib's code takes more than RLlib's annotation says.
        example: a value to write, where the first that fits the type would be a strange one.
        automatic: from a value, and a lookup of the others, to what it stands for (`auto` made definite).
        rule: from the value, and a lookup of the others, to what is wrong with them together.
        ignored: why a run does not take what RLlib's builder accepts, and what to write instead.
        frozen: why a resume cannot change it, and what to do instead.
        own_code: True if a lab's own code reads what is in it, which may have a use for a NaN.
    """

    name: str
    range: Range | None = None
    names: tuple[str, ...] = ()
    auto: bool = False
    annotation: str | None = None
    example: str | None = None
    automatic: Callable[[Any, Lookup], Any] | None = None
    rule: Callable[[str, Any, Lookup], ConfigError | None] | None = None
    ignored: tuple[str, str] | None = None
    frozen: str | None = None
    own_code: bool = False

    def problem(self, value: Any) -> ConfigError | None:
        """What is out of range in a value of this key; None when nothing is."""
        if self.range is not None and (wrong := self._number_problem(self.range, value)) is not None:
            return wrong
        if self.names and isinstance(value, str) and value not in self.names:
            return self._name_problem(value)
        if isinstance(value, float) and math.isnan(value) and not self.own_code:
            message = f"{self.name}: nan is no number that a setting can be"
            return ConfigError(message, key=self.name, fix=f"{self.name}=<a number>")
        return None

    @property
    def written(self) -> str | None:
        """An assignment of a value that the key is often given; None where any will do."""
        return None if self.example is None else assigned(self.name, self.example)

    def _number_problem(self, allowed: Range, value: Any) -> ConfigError | None:
        if value is None and not allowed.nullable:
            return self._refused(f"must be a number {allowed}, not null", self._inside(allowed))
        if self.auto and isinstance(value, str) and value != "auto":
            return self._refused(f"must be a number {allowed} or auto, not {value!r}", f"{self.name}=auto")
        for number in _numbers(value):
            if not math.isfinite(number):
                return self._refused(
                    f"must be a finite number {allowed}, not {number:g}", self._inside(allowed)
                )
            if number not in allowed:
                return self._refused(f"must be {allowed}, not {number:g}", self._inside(allowed))
        return None

    def _name_problem(self, value: str) -> ConfigError:
        close = nearest(value, self.names)
        # A long list helps nobody who has the right name before their eyes.
        is_short = len(self.names) <= 10 or not close
        listed = f": must be one of {', '.join(self.names)}" if is_short else " is not known"
        fix = f"{self.name}={close[0]}" if close else self.written or f"{self.name}={self.names[0]}"
        return ConfigError(f"{self.name}={value}{listed}", key=self.name, suggestions=close, fix=fix)

    def _refused(self, message: str, fix: str) -> ConfigError:
        return ConfigError(f"{self.name} {message}", key=self.name, fix=fix)

    def _inside(self, allowed: Range) -> str:
        """An assignment with a value inside the range."""
        if self.written is not None:
            return self.written
        if allowed.high == 1 and not allowed.integer:
            return f"{self.name}=0.9"
        return f"{self.name}={1 if allowed.integer or allowed.low >= 1 else 0.01}"


def _numbers(value: Any) -> list[float]:
    """The numbers of a value: itself, the members of a list, or the values of a schedule."""
    members = value if isinstance(value, (list, tuple)) else [value]
    ends = [m[1] if isinstance(m, (list, tuple)) and len(m) == 2 else m for m in members]
    return [end for end in ends if isinstance(end, (int, float)) and not isinstance(end, bool)]
