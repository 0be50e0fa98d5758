"""Products of a layer's matrices, by one library or another, into arrays that are there already."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class Products(Protocol):
    """The three products of a linear layer, with x [B, in], w [out, in] and d [B, out]."""

    name: str
    """As `hardware.kernels` has it."""

    def times_transposed(self, x: Array, w: Array, out: Array) -> None:
        """x wᵀ, [B, out]: forward."""

    def times(self, d: Array, w: Array, out: Array) -> None:
        """d w, [B, in]: the derivative by the input."""

    def transposed_times(self, d: Array, x: Array, out: Array) -> None:
        """dᵀ x, [out, in]: the derivative by the weights."""


class NumpyProducts:
    """By numpy's BLAS."""

    name = "numpy"

    def times_transposed(self, x: Array, w: Array, out: Array) -> None:
        """See `Products`."""
        np.matmul(x, w.T, out=out)

    def times(self, d: Array, w: Array, out: Array) -> None:
        """See `Products`."""
        np.matmul(d, w, out=out)

    def transposed_times(self, d: Array, x: Array, out: Array) -> None:
        """See `Products`."""
        np.matmul(d.T, x, out=out)


NUMPY = NumpyProducts()
