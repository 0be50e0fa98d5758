"""The score of an episode: the measure that `curriculum.measure` names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.headline_metrics import is_share
from rlexp.base.suggest import nearest
from rlexp.environment.info_keys import SUCCESS_KEYS

KEY = "curriculum.measure"
EPISODE = ("success", "return", "length", "progress")
"""Measures of a single episode; beside them `info:<name>`, and any logged metric by its full name."""


def check_measure(measure: str) -> None:
    """Raises ConfigError for a name that is no measure; whether a metric is logged is checked with all others."""
    if measure in EPISODE or is_metric(measure) or (measure.startswith("info:") and measure != "info:"):
        return
    raise ConfigError(
        f"{KEY} must be one of {', '.join(EPISODE)}, info:<name> or a logged metric, not {measure!r}",
        key=KEY,
        suggestions=nearest(measure, list(EPISODE)),
    )


def range_of(measure: str) -> tuple[float, float]:
    """Least and greatest value; infinite where the environment alone knows."""
    if measure in ("success", "progress") or is_share(measure):
        return 0.0, 1.0
    return (1.0, math.inf) if measure == "length" else (-math.inf, math.inf)


def is_metric(measure: str) -> bool:
    """True if it is a logged metric, of all of an iteration's episodes, instead of a figure of each."""
    return "/" in measure


def success(info: Mapping[str, Any]) -> float | None:
    """0 or 1 by the last info of an episode; None where it has neither key."""
    return next((float(info[key]) for key in SUCCESS_KEYS if key in info), None)


def score(measure: str, episode_return: float, length: int, info: Mapping[str, Any]) -> float:
    """The measure of a finished episode; NaN for a metric, which is known at the iteration's end.

    Raises:
        KeyError: the environment's last info lacks what the measure reads.
    """
    if measure == "return":
        return episode_return
    if measure == "length":
        return float(length)
    if is_metric(measure):
        return math.nan
    if measure == "success":
        value = success(info)
        if value is None:
            raise KeyError("success")
        return value
    return float(info[measure.removeprefix("info:")])
