"""The products of a linear layer, by one library or another, on arrays that are there already."""

from __future__ import annotations

import logging
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rlexp.compat.applied import usable

Array = NDArray[np.float32]

_log = logging.getLogger(__name__)


class Products(Protocol):
    """The three products of a linear layer, with x [B, in], w [out, in], b [out] and d [B, out].

    What is returned is `out`, or an array that the library made.
    """

    name: str
    """As `hardware.kernels` has it."""

    def linear(self, x: Array, w: Array, b: Array | None, out: Array) -> Array:
        """x wᵀ + b, [B, out]: forward."""

    def times(self, d: Array, w: Array, out: Array) -> Array:
        """d w, [B, in]: the derivative by the input."""

    def transposed_times(self, d: Array, x: Array, out: Array) -> None:
        """dᵀ x, [out, in]: the derivative by the weights, always written to `out`."""


class NumpyProducts:
    """By numpy's BLAS."""

    name = "numpy"

    def linear(self, x: Array, w: Array, b: Array | None, out: Array) -> Array:
        """See `Products`."""
        np.dot(x, w.T, out)  # np.matmul takes half a microsecond more.
        return out if b is None else np.add(out, b, out)

    def times(self, d: Array, w: Array, out: Array) -> Array:
        """See `Products`."""
        return np.dot(
            d, w, out
        )  # Of a column and a row np.matmul makes the product without BLAS, six times slower.

    def transposed_times(self, d: Array, x: Array, out: Array) -> None:
        """See `Products`."""
        np.dot(d.T, x, out)


class TorchProducts:
    """By torch's own kernels, with torch's threads, on tensors that share the arrays' memory."""

    name = "torch"

    def linear(self, x: Array, w: Array, b: Array | None, out: Array) -> Array:
        """See `Products`."""
        if b is None:
            torch.mm(tensor(x), tensor(w).t(), out=tensor(out))
        else:
            torch.addmm(tensor(b), tensor(x), tensor(w).t(), out=tensor(out))
        return out

    def times(self, d: Array, w: Array, out: Array) -> Array:
        """See `Products`."""
        torch.mm(tensor(d), tensor(w), out=tensor(out))
        return out

    def transposed_times(self, d: Array, x: Array, out: Array) -> None:
        """See `Products`."""
        torch.mm(tensor(d).t(), tensor(x), out=tensor(out))


class OneDNNProducts:
    """By oneDNN's linear inside torch, which adds the bias and applies tanh or ReLU in the same pass.

    It takes no array to write to, so what it makes is returned, and copied where it has a place.

    Raises:
        AttributeError: this torch lacks the operator (ask `onednn`).
    """

    name = "onednn"
    activations = ("tanh", "relu")
    """What `activated` knows."""

    def __init__(self) -> None:
        self._linear: Any = torch.ops.mkldnn._linear_pointwise

    def linear(self, x: Array, w: Array, b: Array | None, out: Array) -> Array:
        """See `Products`."""
        return self.activated("none", x, w, b)

    def activated(self, activation: str, x: Array, w: Array, b: Array | None) -> Array:
        """The activation of x wᵀ + b, [B, out]; `none`, or one of `activations`."""
        bias = None if b is None else tensor(b)
        y: Array = self._linear(tensor(x), tensor(w), bias, activation, [], "").numpy()
        return y

    def times(self, d: Array, w: Array, out: Array) -> Array:
        """See `Products`."""
        return self.activated("none", d, w.T, None)

    def transposed_times(self, d: Array, x: Array, out: Array) -> None:
        """See `Products`."""
        np.copyto(out, self.activated("none", d.T, x.T, None))


def tensor(array: Array) -> Tensor:
    """A tensor in the array's memory; of an array that may not be written to, a copy."""
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def onednn() -> OneDNNProducts | None:
    """oneDNN's products; None where this torch has none, with a line in the log if it should."""
    if not torch.backends.mkldnn.is_available() or not usable("torch.linear_pointwise"):
        return None
    try:
        return OneDNNProducts()
    except AttributeError as error:
        _log.warning("torch describes oneDNN's linear layer and lacks it: %s", error)
        return None


NUMPY = NumpyProducts()
TORCH = TorchProducts()
