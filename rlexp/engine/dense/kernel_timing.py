"""Which of several ways to compute the same is the fastest here, by a measurement of milliseconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float32]
Way = Callable[[], Array]

MOST_SECONDS = 0.005
"""Of a core: a measurement takes about as long, and as long as four rounds where that is more."""
MARGIN = 0.85
"""Another way must take at most this share of the first one's time: noise changes no choice by itself."""
_LEAST_ROUNDS, _ROUNDS, _HOPELESS = 4, 25, 1.5


def seconds(ways: Mapping[str, Way], exact: NDArray[np.float64], accuracy: float) -> dict[str, float]:
    """The least time of each way, in turn; the way is left out if it fails or its values are off.

    Args:
        ways: by name; each gives its result, which the others may overwrite.
        exact: the first rows of the result in float64.
        accuracy: the largest absolute error.
    """
    # With one thread, what other processes have of the core in between does not count.
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    end = time.thread_time() + MOST_SECONDS  # Of this thread: other work on the machine ends no measurement.
    best = {name: np.inf for name, way in ways.items() if _is_right(way, exact, accuracy)}
    left = list(best)
    for number in range(_ROUNDS):
        for name in left:
            start = clock()
            ways[name]()
            best[name] = min(best[name], clock() - start)
        if number == _LEAST_ROUNDS - 2:
            left = [name for name in left if best[name] <= _HOPELESS * min(best.values())]
        if number >= _LEAST_ROUNDS - 1 and (time.thread_time() > end or len(left) < 2):
            break
    return best


def choose(ways: Mapping[str, Way], exact: NDArray[np.float64], accuracy: float, first: str) -> str:
    """The way to take, as `fastest` says; another one than `first` only if it is faster in a second measurement, too.

    Args:
        ways, exact, accuracy: as of `seconds`.
        first: the way to take in doubt.
    """
    chosen = fastest(seconds(ways, exact, accuracy), first)
    if chosen == first:
        return first
    both = {name: way for name, way in ways.items() if name in (first, chosen)}
    return fastest(seconds(both, exact, accuracy), first)


def fastest(measured: Mapping[str, float], first: str) -> str:
    """The way to take: `first`, unless another is faster by the margin or it is not among them."""
    if not measured:
        return first
    name = min(measured, key=lambda each: measured[each])
    return name if measured[name] <= MARGIN * measured.get(first, np.inf) else first


def _is_right(way: Way, exact: NDArray[np.float64], accuracy: float) -> bool:
    try:
        return bool(np.abs(way()[: len(exact)] - exact).max() <= accuracy)
    except (RuntimeError, TypeError):  # As torch reports an operator that it has and cannot run here.
        return False
