"""Dropout with its backward pass, with as many random numbers as there are zeros."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rlexp.engine.dense.layers import Array, Layer


class Dropout(Layer):
    """y = x m / (1 - p) with m = 0 with probability p, else 1, each number for itself (Srivastava et al. 2014).

    dL/dx = dL/dy m / (1 - p). While the module is not in training mode, y = x, as in torch.

    The gaps between zeros are geometrically distributed: for p = 0.01 a draw for each hundredth number. The generator
    is numpy's, seeded by a draw of torch's: a seed gives one run, though not the zeros that torch would draw.
    """

    module: nn.Dropout

    def __init__(self, module: nn.Dropout) -> None:
        super().__init__(module)
        self._generator = np.random.default_rng(int(torch.randint(2**62, ())))
        self._zeros: NDArray[np.int64] | None = None

    def forward(self, x: Array) -> Array:
        """See `Layer`."""
        self._zeros = self._drawn(x.size) if self.module.training and self.module.p > 0 else None
        return self._apply(x)

    def backward(self, dy: Array, to_weights: bool = True, to_input: bool = True) -> Array | None:
        """See `Layer`."""
        return self._apply(dy)

    def _apply(self, x: Array) -> Array:
        if self._zeros is not None:
            if self.module.p < 1:
                x *= np.float32(1 / (1 - self.module.p))
            x.reshape(-1)[self._zeros] = 0
        return x

    def _drawn(self, count: int) -> NDArray[np.int64]:
        """Positions of the zeros among so many numbers, in order."""
        rate = float(self.module.p)
        if rate == 1:
            return np.arange(count)
        places = self._gaps(count * rate).cumsum() - 1
        while places[-1] < count:
            more = self._gaps(count * rate)
            more[0] += places[-1]
            places = np.concatenate([places, more.cumsum()])
        return places[: int(places.searchsorted(count))]

    def _gaps(self, expected: float) -> NDArray[np.int64]:
        """Some more than are expected to be needed."""
        return self._generator.geometric(self.module.p, int(expected + 4 * math.sqrt(expected)) + 1)
