"""What is timed to choose kernels: the same product or activation of random numbers in each of the ways there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlexp.engine.dense import functions
from rlexp.engine.dense.functions import FUNCTIONS, Function
from rlexp.engine.dense.kernel_timing import Way
from rlexp.engine.dense.products import OneDNNProducts, Products

Array = NDArray[np.float32]
Part = Literal["forward", "by_input", "by_weights"]

_ROUNDING = 2.0**-23
"""Of float32, relative."""
_CHECKED = 16
"""Rows of a product that are compared: all of them in float64 would cost more than the measurement."""


class Trial(NamedTuple):
    """Ways to compute the same.

    Attributes:
        ways: by name.
        exact: the first rows of the result in float64.
        accuracy: the largest absolute error that is taken.
    """

    ways: Mapping[str, Way]
    exact: NDArray[np.float64]
    accuracy: float


def product(part: Part, shape: tuple[int, int, int], by: Mapping[str, Products]) -> Trial:
    """One product of a linear layer of [rows, in, out].

    A sum of n products of normal numbers is of the size of the root of n, and rounded n times; so far off it may be.
    """
    rows, width_in, width_out = shape
    x, w, b, d = (
        _random(rows, width_in),
        _random(width_out, width_in),
        _random(width_out),
        _random(rows, width_out),
    )
    if part == "forward":
        out = np.empty((rows, width_out), np.float32)
        exact, terms = _exactly(x, w.T) + b, width_in
        ways = {name: _way(each.linear, x, w, b, out) for name, each in by.items()}
    elif part == "by_input":
        out = np.empty((rows, width_in), np.float32)
        exact, terms = _exactly(d, w), width_out
        ways = {name: _way(each.times, d, w, out) for name, each in by.items()}
    else:
        out = np.empty((width_out, width_in), np.float32)
        exact, terms = _exactly(d.T, x), rows
        ways = {name: _into(out, each.transposed_times, d, x) for name, each in by.items()}
    return Trial(ways, exact, 8 * _ROUNDING * terms)


def function(name: str, size: int) -> Trial:
    """An element-wise function of normal numbers, of ones near zero and of large ones."""
    x = _random(size)
    x[:100], x[100:200] = np.linspace(-20, 20, 100), np.linspace(-1e-3, 1e-3, 100)
    if name == "expm1":
        np.minimum(x, np.float32(0), out=x)
    out = np.empty_like(x)
    ways = {by: _way(compute, x, out) for by, compute in FUNCTIONS[name].items()}
    return Trial(ways, functions.EXACT[name](x.astype(np.float64)), functions.ACCURACY)


def fused(
    activation: str,
    shape: tuple[int, int, int],
    products: Products,
    then: Function | None,
    one: OneDNNProducts,
) -> Trial:
    """A linear layer and its activation, as `two` calls or one of `onednn`; `then` is None for ReLU."""
    rows, width_in, width_out = shape
    x, w, b = _random(rows, width_in), _random(width_out, width_in), _random(width_out)
    w /= np.float32(np.sqrt(width_in))  # As wide as activations are in a network.
    out = np.empty((rows, width_out), np.float32)

    def two() -> Array:
        y = products.linear(x, w, b, out)
        return np.maximum(y, np.float32(0), out=y) if then is None else then(y, y)

    exact = _exactly(x, w.T) + b
    exact = np.maximum(exact, 0) if then is None else functions.EXACT[activation](exact)
    return Trial(
        {"two": two, "onednn": _way(one.activated, activation, x, w, b)}, exact, 8 * _ROUNDING * width_in
    )


def _way(function: Callable[..., Array], *arguments: object) -> Way:
    return lambda: function(*arguments)


def _into(out: Array, function: Callable[..., None], *arguments: object) -> Way:
    def way() -> Array:
        function(*arguments, out)
        return out

    return way


def _random(*shape: int) -> Array:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def _exactly(a: Array, b: Array) -> NDArray[np.float64]:
    exact: NDArray[np.float64] = a[:_CHECKED].astype(np.float64) @ b.astype(np.float64)
    return exact
