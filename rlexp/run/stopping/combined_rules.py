"""Stop rules that must all hold at once, and those that a function decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

StopFunction = Callable[[Mapping[str, Any]], Any]
"""Of a record; true or a text (why) ends the run."""


def reason_of(function: StopFunction, record: Mapping[str, Any], name: str) -> str | None:
    """Why a function ends the run after an iteration, or None.

    Args:
        function: is shown a copy.
        record: of the iteration.
        name: the function's import path, which is the reason where it gives none.
    """
    said = function(dict(record))
    if isinstance(said, str):
        return said or None
    return name if said is not None and bool(said) else None


class Latest:
    """The last value of each metric that rules of different rhythms read: an evaluation's stays until the next one."""

    def __init__(self, names: set[str]) -> None:
        self._names = names
        self.values: dict[str, float] = {}

    def take_in(self, record: Mapping[str, Any]) -> None:
        """Remembers what `record` has of them."""
        self.values |= {name: record[name] for name in self._names if name in record}

    def over(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """A record, completed by what came before it."""
        return {**self.values, **record}

    def restore(self, values: Mapping[str, float]) -> None:
        """Goes on from `values`; metrics that no rule reads any more are forgotten."""
        self.values = {name: value for name, value in values.items() if name in self._names}
