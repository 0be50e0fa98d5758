"""What differs between the runs of a report, as axes that a run has a place on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlexp.base.statistics import Floats
from rlexp.report.analysis.arms import settings_of
from rlexp.report.reading import Run

ABSENT = "absent"
"""The value of a key that a run does not have."""
LOG_FROM = 10.0
"""Positive numbers whose largest is so many times the smallest are put on a logarithmic axis."""


@dataclass(frozen=True)
class Parameter:
    """One group or key that differs between runs.

    Attributes:
        name: its last part where that is no other parameter's, `lr` of `algorithm.lr`.
        values: [runs], of each run; `ABSENT` where a run has none.
        numeric: whether all are numbers.
        log: whether its axis is logarithmic.
    """

    name: str
    values: Sequence[Any]
    numeric: bool
    log: bool

    @property
    def levels(self) -> list[Any]:
        """The different values: numbers rising, others in their order."""
        levels = list(dict.fromkeys(self.values))
        return sorted(levels) if self.numeric else levels

    @property
    def places(self) -> Floats:
        """[runs] places along the axis, from 0 to 1."""
        levels = self.levels
        if not self.numeric:
            return np.array([levels.index(value) for value in self.values]) / max(1, len(levels) - 1)
        return np.array([self.place(value) for value in self.values])

    def place(self, value: float) -> float:
        """The place of a number along the axis, from 0 to 1."""
        low, high = self.levels[0], self.levels[-1]
        if self.log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)


def parameters_of(runs: Sequence[Run]) -> list[Parameter]:
    """The parameters that differ, but for seeds and environments: scores of different ones cannot be compared."""
    chosen = settings_of(runs)
    names = list(dict.fromkeys(name for values in chosen for name in values))
    columns = {name: [_plain(values.get(name, ABSENT)) for values in chosen] for name in names}
    differing = {name: column for name, column in columns.items() if len(set(column)) > 1}
    differing.pop("env", None)
    last = [name.rpartition(".")[2] for name in differing]
    return [
        _parameter(name if last.count(short) > 1 else short, column)
        for (name, column), short in zip(differing.items(), last, strict=True)
    ]


def _parameter(name: str, values: Sequence[Any]) -> Parameter:
    numeric = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    log = numeric and min(values) > 0 and max(values) / min(values) >= LOG_FROM
    return Parameter(name, values, numeric, log)


def _plain(value: Any) -> Any:
    """Numbers as they are, anything else as text, so that values can be compared."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
