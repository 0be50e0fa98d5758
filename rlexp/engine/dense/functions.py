"""Element-wise functions of activations, by one library or another.

Each takes x and where to write its values, which may be x itself. The first of each name is the one that is taken
where nothing is measured.

What stands here under another name than `numpy` may be off by `ACCURACY`: 1 - 2 / (exp 2x + 1) loses the digits of
a small x, since it subtracts numbers near one. That is two units in float32's last place at one, which is what the
sums in the next layer's product are off by anyway, and relative errors matter to none of the layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from rlexp.engine.dense.products import tensor

Array = NDArray[np.float32]
Function = Callable[[Array, Array], Array]

ACCURACY = 5e-7
"""The largest absolute error against float64 that a function may have on [-20, 20]."""

_ONE, _MINUS_TWO = np.float32(1), np.float32(-2)


def _numpys_tanh(x: Array, out: Array) -> Array:
    return np.tanh(x, out=out)


def _tanh_by_exp(x: Array, out: Array) -> Array:
    np.add(x, x, out=out)
    with np.errstate(over="ignore"):  # Infinite above 88, where the rest makes 1 of it.
        np.exp(out, out=out)
    out += _ONE
    np.divide(_MINUS_TWO, out, out=out)
    out += _ONE
    return out


def _torchs_tanh(x: Array, out: Array) -> Array:
    torch.tanh(tensor(x), out=tensor(out))
    return out


def _sigmoid_by_exp(x: Array, out: Array) -> Array:
    with np.errstate(over="ignore"):  # Infinite for x below -88, where the sigmoid is 0.
        np.exp(np.negative(x, out=out), out=out)
    out += _ONE
    return np.divide(_ONE, out, out=out)


def _torchs_sigmoid(x: Array, out: Array) -> Array:
    torch.sigmoid(tensor(x), out=tensor(out))
    return out


def _numpys_expm1(x: Array, out: Array) -> Array:
    return np.expm1(x, out=out)


def _expm1_by_exp(x: Array, out: Array) -> Array:
    np.exp(x, out=out)
    out -= _ONE
    return out


def _torchs_expm1(x: Array, out: Array) -> Array:
    torch.expm1(tensor(x), out=tensor(out))
    return out


FUNCTIONS: Mapping[str, Mapping[str, Function]] = {
    "tanh": {"numpy": _numpys_tanh, "exp": _tanh_by_exp, "torch": _torchs_tanh},
    "sigmoid": {"numpy": _sigmoid_by_exp, "torch": _torchs_sigmoid},
    "expm1": {"numpy": _numpys_expm1, "exp": _expm1_by_exp, "torch": _torchs_expm1},
}
"""By name, then by what computes it. `expm1` is for numbers up to 0, as ELU needs it."""

EXACT: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "expm1": np.expm1,
}
"""The same in float64."""
