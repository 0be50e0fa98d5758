"""Ray's durations by a clock that no change of the date moves.

RLlib and Tune measure how long something lasts by `time.time()`: set back by an hour while an iteration is to last a
second at least (`min_time_s_per_iteration`), the iteration lasts an hour. In the modules below `time.time()` goes on
from the date at the start instead; all that they use it for is differences, and dates to read.

Imported only once training starts: it imports Ray.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any

from rlexp.compat.applied import usable

MODULES = (
    "ray.rllib.algorithms.algorithm",
    "ray.tune.trainable.trainable",
    "ray.tune.execution.tune_controller",
)


class SteadyTime:
    """The module `time` with another `time()`."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def time(self) -> float:
        """Seconds since the epoch, by the date that was set when this process began."""
        return self._offset + time.monotonic()

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


STEADY = SteadyTime()


def install(*modules: str) -> None:
    """Puts it into those of `MODULES` that are named (all, where none is), each of which is imported for it."""
    for name in modules or MODULES:
        module = import_module(name)
        row = "tune.steady_time" if name.endswith("tune_controller") else "rllib.steady_time"
        if usable(row) and module.time in (time, STEADY):
            module.time = STEADY  # type: ignore[attr-defined]
