"""Bootstrap intervals over seeds, and the mean that few seeds call for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

RESAMPLES = 10_000


def mean(values: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    return values.mean(axis=-1)


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis without its lowest and its highest quarter, each rounded down.

    Of five seeds it leaves out the worst and the best one. Source: Agarwal et al. 2021, "Deep reinforcement
    learning at the edge of the statistical precipice", section 4.3.
    """
    count = values.shape[-1]
    cut = count // 4
    return np.sort(values, axis=-1)[..., cut : count - cut].mean(axis=-1)


def interval(
    values: Sequence[float] | np.ndarray, of: Callable[[np.ndarray], np.ndarray] = mean
) -> tuple[float, float]:
    """95 % bootstrap interval (percentiles) of a statistic of one value a seed."""
    values = np.asarray(values, float)
    generator = np.random.default_rng(0)
    found = of(generator.choice(values, (RESAMPLES, len(values))))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)
