"""What multiplies matrices and computes activations in a process: chosen for each shape, by measurement or as forced.

Layers ask as their number of rows changes (`Layer`), so that nothing need be known of a run before. They take the
kernels that hold where they are made (`using`); numpy's, if nobody has said otherwise.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING

import torch

from rlexp.base.errors import ConfigError
from rlexp.engine.dense import kernel_cache, trials
from rlexp.engine.dense.functions import FUNCTIONS, Function
from rlexp.engine.dense.kernel_timing import MOST_SECONDS, choose
from rlexp.engine.dense.products import NUMPY, TORCH, OneDNNProducts, Products, onednn
from rlexp.engine.dense.trials import Part, Trial
from rlexp.terminal.quiet import note

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

KEY = "hardware.kernels"
MOST_SECONDS_A_RUN = 0.2
"""Of a core, for all measurements of a process; what is not measured by then is numpy's, in later runs, too."""
LEAST_PRODUCT, LEAST_FUNCTION = 1_000_000, 4_096
"""Floating point operations and numbers up to which a call of numpy's costs least of all, so that nothing is asked."""
MOST_PRODUCT, MOST_FUNCTION = 1 << 26, 1 << 17
"""Larger ones are measured at this size."""

_log = logging.getLogger(__name__)


class Kernels:
    """The kernels of one process.

    Args:
        wanted: as `hardware.kernels` has it.
    """

    def __init__(self, wanted: str = "numpy") -> None:
        self.wanted = wanted
        self._onednn = onednn() if wanted in ("auto", "onednn") else None
        by_name: dict[str, Products] = {"numpy": NUMPY, "torch": TORCH}
        self._products = by_name if self._onednn is None else by_name | {"onednn": self._onednn}
        self._chosen: dict[str, str] = {}
        self._known: dict[str, str] | None = None
        self._new: dict[str, str] = {}
        self._seconds_left = MOST_SECONDS_A_RUN
        self._is_logged = False

    def products(self, part: Part, rows: int, width_in: int, width_out: int) -> Products:
        """What makes one of a linear layer's products."""
        if self.wanted != "auto":
            return self._products.get(self.wanted, NUMPY)
        if 2 * rows * width_in * width_out < LEAST_PRODUCT:
            return NUMPY
        shape = _measured_rows(rows, width_in * width_out), width_in, width_out
        ways = self._products
        return ways[self._choice(_name(part, *shape), ways, lambda: trials.product(part, shape, ways))]

    def function(self, name: str, size: int) -> Function:
        """What computes an activation of so many numbers: a name of `FUNCTIONS`."""
        ways = FUNCTIONS[name]
        if self.wanted != "auto":
            return ways["numpy" if self.wanted == "numpy" else "torch"]
        if size < LEAST_FUNCTION:
            return ways["numpy"]
        measured = min(_power_of_two(size), MOST_FUNCTION)
        return ways[self._choice(f"{name} {measured}", ways, lambda: trials.function(name, measured))]

    def fused(self, activation: str, rows: int, width_in: int, width_out: int) -> OneDNNProducts | None:
        """What makes a linear layer and its activation in one pass; None where two are faster."""
        one_pass = self._onednn
        if one_pass is None or activation not in one_pass.activations:
            return None
        if self.wanted == "onednn":
            return one_pass
        if 2 * rows * width_in * width_out < LEAST_PRODUCT:
            return None
        shape = _measured_rows(rows, width_in * width_out), width_in, width_out
        products = self.products("forward", rows, width_in, width_out)
        function = self.function(activation, rows * width_out) if activation in FUNCTIONS else None
        ways = {"two": "two", "onednn": "onednn"}
        trial = lambda: trials.fused(activation, shape, products, function, one_pass)  # noqa: E731
        chosen = self._choice(_name(f"{activation} after forward", *shape), ways, trial)
        return one_pass if chosen == "onednn" else None

    def by_name(self) -> Mapping[str, Products]:
        """What is there to multiply, numpy's first."""
        return self._products

    def settle(self) -> None:
        """After a round of work: keeps what was measured for the next run, and logs what was chosen."""
        if self._new:
            kernel_cache.add(self._new)
            self._new = {}
            self._is_logged = False
        if not self._is_logged:
            note(_log, f"kernels: {self.chosen()}")
            self._is_logged = True

    def chosen(self) -> str:
        """In words, what was chosen up to now."""
        if self.wanted != "auto":
            return f"{self.wanted} for everything, by {KEY}"
        others = [f"{what} by {name}" for what, name in self._chosen.items() if name not in ("numpy", "two")]
        return "; ".join(["numpy", *others])

    def _choice(self, what: str, ways: Mapping[str, object], trial: Callable[[], Trial]) -> str:
        """The name of one of the ways: the one taken before, on this machine if not in this process."""
        chosen = self._chosen.get(what)
        if chosen is None:
            if self._known is None:
                self._known = kernel_cache.read()
            chosen = self._known.get(what)
            if chosen is None or chosen not in ways:
                chosen = self._measure(what, next(iter(ways)), trial)
            self._chosen[what] = chosen
            self._is_logged = False
        return chosen

    def _measure(self, what: str, first: str, trial: Callable[[], Trial]) -> str:
        if self._seconds_left < MOST_SECONDS:
            # Kept as if measured: a run with the same seed must not take another kernel than this one.
            self._new[what] = first
            return first
        start = time.thread_time()
        chosen = self._new[what] = choose(*trial(), first)
        self._seconds_left -= time.thread_time() - start
        return chosen


@contextmanager
def using(kernels: Kernels) -> Iterator[None]:
    """Layers that are made inside ask these."""
    token = _current.set(kernels)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Kernels:
    """Those that layers ask that are made now."""
    return _current.get()


def kernels_of(config: AlgorithmConfig) -> Kernels:
    """This process's, which its learner and its actors share; others where torch has other threads."""
    return _shared(config.learner_config_dict.get(KEY, "numpy"), torch.get_num_threads())


def set_kernels(config: AlgorithmConfig, wanted: str) -> None:
    """Lets the learners and runners that are made of a config have these.

    Raises:
        ConfigError: this machine has not what is wanted.
    """
    check_there(wanted)
    config.learners(learner_config_dict={**config.learner_config_dict, KEY: wanted})


def check_there(wanted: str) -> None:
    """Nothing, if this machine has them.

    Raises:
        ConfigError: it has not.
    """
    if wanted == "onednn" and onednn() is None:
        raise ConfigError(
            f"{KEY}=onednn: the torch that is installed here has no linear layer by oneDNN",
            key=KEY,
            fix=f"{KEY}=auto",
        )


@cache
def _shared(wanted: str, threads: int) -> Kernels:
    return Kernels(wanted)


def _name(what: str, *shape: int) -> str:
    return f"{what} {' x '.join(map(str, shape))}"


def _measured_rows(rows: int, of_one: int) -> int:
    """As many rows as are measured: a power of two, so that minibatches of about one size share a choice."""
    return max(16, min(_power_of_two(rows), _power_of_two(MOST_PRODUCT // (2 * of_one) + 1)))


def _power_of_two(number: int) -> int:
    """The nearest, by ratio."""
    return 1 << max(0, round(math.log2(max(1, number))))


_current: ContextVar[Kernels] = ContextVar("kernels", default=Kernels())  # noqa: B039
