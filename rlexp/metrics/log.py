"""How a callback logs a custom metric so that its mean, minimum and maximum arrive.

RLlib's own `mean` is a mean of the runners' means, whatever number of episodes each had. Here the sum and the
count travel, so the mean over an iteration's episodes is exact with any number of runners. All reductions are
cleared in each iteration, as RLlib's returns are.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray.rllib.utils.metrics.metrics_logger import MetricsLogger

CUSTOM = "custom"
"""Branch of RLlib's result that holds what `log_metric` logged."""

STATISTICS = ("mean", "min", "max")

_NAME = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_.]|-(?!-))*")


def is_metric_name(name: str) -> bool:
    """Whether `name` can be logged; RLlib's checkpoints use `--` to separate names, so it is not allowed."""
    return _NAME.fullmatch(name) is not None


def log_metric(metrics_logger: MetricsLogger, name: str, value: float) -> None:
    """Log one value of a custom metric, usually one per episode.

    It arrives as `custom/<name>_mean`, `_min` and `_max` over all values of the iteration; from an evaluation
    runner as `eval/custom/<name>_...`. A value that is NaN makes the iteration's mean NaN.

    Args:
        metrics_logger: the one that RLlib gives to the callback's method.
        name: letters, digits, `_`, `.`, `-`; not beginning with a digit.
        value: a number; booleans count as 0 and 1.

    Raises:
        ValueError: the name cannot be used.
    """
    if not is_metric_name(name):
        raise ValueError(f"{name!r} cannot be a metric's name: use letters, digits, _ . - (no --)")
    number = float(value)
    if math.isnan(number):
        metrics_logger.log_value((CUSTOM, name, "nan"), 1, reduce="sum")
        return
    metrics_logger.log_value((CUSTOM, name, "sum"), number, reduce="sum")
    metrics_logger.log_value((CUSTOM, name, "count"), 1, reduce="sum")
    metrics_logger.log_value((CUSTOM, name, "min"), number, reduce="min")
    metrics_logger.log_value((CUSTOM, name, "max"), number, reduce="max")


def statistics(logged: dict[str, Any]) -> dict[str, float]:
    """Mean, minimum and maximum of what `log_metric` logged; empty when nothing was in this iteration.

    Args:
        logged: the reduced `sum`, `count`, `min`, `max` and perhaps `nan` of one metric.
    """
    count, nans = (_number(logged.get(key)) for key in ("count", "nan"))
    if nans:
        return dict.fromkeys(STATISTICS, math.nan)
    if not count:
        return {}
    return {
        "mean": _number(logged["sum"]) / count,
        "min": _number(logged["min"]),
        "max": _number(logged["max"]),
    }


def _number(value: Any) -> float:
    """`value` as a float; RLlib reduces an empty sum to NaN, which counts as nothing."""
    number = math.nan if value is None else float(value)
    return 0.0 if math.isnan(number) else number
