"""How a callback logs a custom metric so that its mean, minimum and maximum arrive.

RLlib's own `mean` is a mean of the runners' means, whatever number of episodes each had. Here the values
themselves travel, so all three are exact over an iteration's episodes with any number of runners; and one
list costs RLlib's logger a tenth of three reductions. Like RLlib's returns it is cleared in each iteration.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

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
    runner as `eval/custom/<name>_...`. A value that is NaN makes the iteration's three NaN.

    Args:
        metrics_logger: the one that RLlib gives to the callback's method.
        name: letters, digits, `_`, `.`, `-`; not beginning with a digit.
        value: a number; booleans count as 0 and 1.

    Raises:
        ValueError: the name cannot be used.
    """
    if not is_metric_name(name):
        raise ValueError(f"{name!r} cannot be a metric's name: use letters, digits, _ . - (no --)")
    # RLlib's logger looks keys and reductions up at each call; where the series exists, the value goes straight to it.
    series = metrics_logger.stats.get(CUSTOM, {}).get(name)
    if type(series).__name__ == "ItemSeriesStats":
        series.push(float(value))
    else:
        metrics_logger.log_value((CUSTOM, name), float(value), reduce="item_series")


def statistics(values: Sequence[float]) -> dict[str, float]:
    """Mean, minimum and maximum of an iteration's values; empty when there were none, NaN when one is NaN."""
    if not values:
        return {}
    mean = float(sum(values)) / len(values)
    if math.isnan(mean):
        return dict.fromkeys(STATISTICS, math.nan)
    return {"mean": mean, "min": min(values), "max": max(values)}
