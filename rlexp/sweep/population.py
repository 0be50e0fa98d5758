"""What a population (PBT) draws and perturbs: the values of a sweep's space."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import yaml

from rlexp.sweep.space import Interval, Listed, Space
from rlexp.sweep.trial import SEED

VALUES = "values"
"""Key in a trial's Tune config of the values that PBT changes."""
STEPS = 20
"""Into so many a scale is divided whose values cannot be multiplied."""


def mutations(space: Space) -> dict[str, Any]:
    """What PBT draws and perturbs by: lists are walked, other values multiplied by 0.8 or 1.2."""
    found: dict[str, Any] = {}
    for dimension in space.dimensions:
        if isinstance(dimension, Listed):
            for key in dimension.keys:
                if key != SEED:
                    found[key] = list(dict.fromkeys(_value(point[key]) for point in dimension.values()))
        elif isinstance(dimension, Interval):
            found[dimension.key] = _drawn(dimension)
    return found


def _drawn(interval: Interval) -> list[Any] | Callable[[], Any]:
    if interval.scale == "pow2":
        return [_value(point[interval.key]) for point in interval.values()]
    if interval.scale == "one_minus":
        # Multiplied itself, a discount would leave its range: it walks along its scale.
        return [_value(interval.at(step / STEPS)[interval.key]) for step in range(STEPS + 1)]
    return lambda: _value(interval.at(random.random())[interval.key])


def _value(text: str) -> Any:
    """A value as an override writes it."""
    return yaml.safe_load(text)


def within(space: Space) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Keeps perturbed values in their intervals."""
    intervals = {d.key: d for d in space.dimensions if isinstance(d, Interval)}

    def clipped(config: dict[str, Any]) -> dict[str, Any]:
        values = dict(config[VALUES])
        for key, interval in intervals.items():
            value = min(max(values[key], interval.low), interval.high)
            values[key] = round(value) if interval.whole or interval.scale == "pow2" else float(value)
        return {**config, VALUES: values}

    return clipped
