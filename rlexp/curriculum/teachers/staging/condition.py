"""Conditions as text: `success>=0.8 & episodes>=200`, `(return>150 | custom/level_mean>=3) & steps>=1e5`.

    or         = and { "|" and }
    and        = term { "&" term }
    term       = "(" or ")" | name operator number
    operator   = ">=" | ">" | "<=" | "<"

A name is one of `RANGES`, or a logged metric by its full name, which has a `/`; quotes hold names of other
characters (`"curriculum/success/rooms=2">=0.8`).
"""

from __future__ import annotations

import itertools
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest

MEANS = ("success", "return", "length", "score")
"""Means over the stage's window of episodes."""

RANGES: Mapping[str, tuple[float, float]] = {
    "success": (0.0, 1.0),
    "return": (-math.inf, math.inf),
    "length": (1.0, math.inf),
    "score": (-math.inf, math.inf),
    "episodes": (0.0, math.inf),
    "steps": (0.0, math.inf),
}
"""Names that need no `/`, and what they can be. `episodes` and `steps` (of the env) count from the stage's begin."""

MOST_TERMS = 16
"""Comparisons in one condition: more are no condition that a person reads."""

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True)
class Comparison:
    """A name against a number."""

    name: str
    sign: str
    number: float

    def met(self, values: Mapping[str, float]) -> bool:
        """Whether it holds; what is not known, or NaN, does not."""
        return bool(OPERATORS[self.sign](values.get(self.name, math.nan), self.number))

    def progress(self, values: Mapping[str, float]) -> float:
        """How far it has come, from 0 to 1: the share of a number above 0 that is to be reached, else 0 or 1."""
        if self.met(values):
            return 1.0
        share = values.get(self.name, 0.0) / self.number if self.sign[0] == ">" and self.number > 0 else 0.0
        return min(1.0, share) if share > 0.0 else 0.0

    def names(self) -> list[str]:
        """Its one."""
        return [self.name]

    def ways(self) -> list[list[Comparison]]:
        """Itself."""
        return [[self]]

    def __str__(self) -> str:
        name = self.name if _PLAIN.fullmatch(self.name) else f'"{self.name}"'
        return f"{name}{self.sign}{self.number:.12g}"


@dataclass(frozen=True)
class Joined:
    """Conditions of which all must be met (`&`), or any (`|`)."""

    sign: str
    parts: tuple[Condition, ...]

    def met(self, values: Mapping[str, float]) -> bool:
        """Whether all or any are met."""
        return (all if self.sign == "&" else any)(part.met(values) for part in self.parts)

    def progress(self, values: Mapping[str, float]) -> float:
        """Of the part that has come least far, or furthest."""
        return (min if self.sign == "&" else max)(part.progress(values) for part in self.parts)

    def names(self) -> list[str]:
        """Of all parts, each once."""
        return list(dict.fromkeys(name for part in self.parts for name in part.names()))

    def ways(self) -> list[list[Comparison]]:
        """The comparisons that meet it together, for every way of meeting it (disjunctive normal form)."""
        of_parts = [part.ways() for part in self.parts]
        if self.sign == "|":
            return list(itertools.chain.from_iterable(of_parts))
        return [list(itertools.chain.from_iterable(way)) for way in itertools.product(*of_parts)]

    def __str__(self) -> str:
        return f" {self.sign} ".join(f"({p})" if isinstance(p, Joined) else str(p) for p in self.parts)


Condition = Comparison | Joined


def parse(text: str, key: str) -> Condition:
    """The condition that `text` is.

    Raises:
        ConfigError: it is none, with the position and, for a name, the nearest ones; or nothing can meet it.
    """
    if not isinstance(text, str) or not text.strip():
        raise ConfigError(f"{key} must be a condition, not {text!r}", key=key, fix=f"{key}: 'success>=0.8'")
    condition = _ConditionParser(text, key).parse()
    check_possible(condition, key)
    return condition


def check_possible(
    condition: Condition, key: str, after: int = 0, ranges: Mapping[str, tuple[float, float]] = RANGES
) -> None:
    """Raises ConfigError when nothing can meet a condition, or a comparison in it.

    Args:
        condition: to judge.
        key: where it stands.
        after: episodes before which no mean and no metric counts.
        ranges: least and greatest values by name.
    """
    ways = condition.ways()
    for comparison in itertools.chain.from_iterable(ways):
        if not _possible([comparison], 0, ranges):
            low, high = ranges[comparison.name]
            reach = f"from {low:g} to {high:g}" if math.isfinite(high) else f"at least {low:g}"
            raise ConfigError(f"{key}: {comparison} can never be met: {comparison.name} is {reach}", key=key)
    if not any(_possible(way, after, ranges) for way in ways):
        early = f" (means and metrics count from {after} episodes on)" if after else ""
        raise ConfigError(f"{key}: {condition} can never be met{early}", key=key)


def _possible(way: list[Comparison], after: int, ranges: Mapping[str, tuple[float, float]]) -> bool:
    """Whether the comparisons can hold together."""
    judged = any(comparison.name not in ("episodes", "steps") for comparison in way)
    for name in {comparison.name for comparison in way}:
        low, high = ranges.get(name, (-math.inf, math.inf))
        low = max(low, after) if name == "episodes" and judged else low
        mine = [comparison for comparison in way if comparison.name == name]
        low = max([low, *(c.number for c in mine if c.sign[0] == ">")])
        high = min([high, *(c.number for c in mine if c.sign[0] == "<")])
        inside = low if low == high else _between(low, high)
        if low > high or not all(comparison.met({name: inside}) for comparison in mine):
            return False
    return True


def _between(low: float, high: float) -> float:
    """A number above `low` and below `high`."""
    if math.isfinite(low) and math.isfinite(high):
        return low + (high - low) / 2
    return low + abs(low) + 1 if math.isfinite(low) else high - abs(high) - 1 if math.isfinite(high) else 0.0


class _Token(NamedTuple):
    """A piece of the text, of a kind (`name`, `number`, `sign`, `join`, `paren`, `end`), from a position on."""

    kind: str
    text: str
    at: int


_PIECES = re.compile(
    r"""\s*(?:(?P<number>[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w./]))
    |(?P<name>[A-Za-z_][\w./:-]*|"[^"]+"|'[^']+')|(?P<sign>>=|<=|>|<)|(?P<join>[&|])|(?P<paren>[()]))""",
    re.VERBOSE,
)
_PLAIN = re.compile(r"[A-Za-z_][\w./:-]*")
_INSTEAD = {"==": ">= or <=", "=": ">=", "!": "a comparison with the other sign", "%": "a share such as 0.8"}
_WORDS = {"and": "&", "or": "|", "not": "a comparison with the other sign"}


def _tokens(text: str, key: str) -> Iterator[_Token]:
    at = 0
    while text[at:].strip():
        match = _PIECES.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            wrong = next((sign for sign in _INSTEAD if text.startswith(sign, at)), text[at])
            raise _error(text, at, f"{wrong!r} means nothing here", key, _INSTEAD.get(wrong))
        kind = str(match.lastgroup)
        yield _Token(kind, match[kind], match.start(kind))
        at = match.end()
        if kind == "join" and text.startswith(match[kind], at):
            raise _error(text, at, f"{match[kind]!r} stands twice", key, match[kind])
    yield _Token("end", "the end", len(text))


def _error(text: str, at: int, what: str, key: str, instead: str | None = None) -> ConfigError:
    hint = f"; write {instead}" if instead else ""
    where = f"    {text}\n    {' ' * at}^"
    return ConfigError(f"{key}: {what}, at character {at + 1}{hint}\n{where}", key=key)


class _ConditionParser:
    """By recursive descent: a method for each rule of the grammar."""

    def __init__(self, text: str, key: str) -> None:
        self._text, self._key = text, key
        self._rest = list(_tokens(text, key))
        if sum(token.kind == "sign" for token in self._rest) > MOST_TERMS:
            raise ConfigError(f"{key}: a condition has at most {MOST_TERMS} comparisons", key=key)
        if sum(token.text == "(" for token in self._rest) > MOST_TERMS:
            raise ConfigError(f"{key}: a condition has at most {MOST_TERMS} parentheses", key=key)

    def parse(self) -> Condition:
        """All of the text."""
        condition = self._joined("|")
        if self._rest[0].kind != "end":
            raise self._expected("& or |")
        return condition

    def _joined(self, sign: str) -> Condition:
        """Terms joined by `sign`; `&` binds closer than `|`."""
        parts = [self._joined("&") if sign == "|" else self._term()]
        while self._rest[0].text == sign:
            self._rest.pop(0)
            parts.append(self._joined("&") if sign == "|" else self._term())
        return parts[0] if len(parts) == 1 else Joined(sign, tuple(parts))

    def _term(self) -> Condition:
        if self._rest[0].text == "(":
            self._rest.pop(0)
            inside = self._joined("|")
            if self._rest[0].text != ")":
                raise self._expected("')', & or |")
            self._rest.pop(0)
            return inside
        if self._rest[0].kind != "name":
            raise self._expected("a name")
        name = self._name(self._rest.pop(0))
        if self._rest[0].kind != "sign":
            raise self._expected(f"{', '.join(OPERATORS)} after {name}")
        sign = self._rest.pop(0).text
        if self._rest[0].kind != "number":
            raise self._expected(f"a number after {name}{sign}")
        number = float(self._rest.pop(0).text.replace("_", ""))
        if not math.isfinite(number):
            raise ConfigError(f"{self._key}: {name}{sign} needs a finite number", key=self._key)
        return Comparison(name, sign, number)

    def _name(self, token: _Token) -> str:
        name = token.text.strip("\"'")
        if name in RANGES or "/" in name:
            return name
        if name.lower() in _WORDS:
            raise _error(self._text, token.at, f"{name} is no name", self._key, _WORDS[name.lower()])
        listed = f"one of {', '.join(RANGES)}, or a metric by its full name (custom/level_mean)"
        problem = _error(self._text, token.at, f"{name} is unknown: it must be {listed}", self._key)
        raise ConfigError(str(problem), key=self._key, suggestions=nearest(name, RANGES))

    def _expected(self, what: str) -> ConfigError:
        token = self._rest[0]
        if token.text.lower() in _WORDS:
            return _error(
                self._text, token.at, f"{token.text} is no sign", self._key, _WORDS[token.text.lower()]
            )
        shown = token.text if token.kind == "end" else repr(token.text)
        return _error(self._text, token.at, f"expected {what}, found {shown}", self._key)
