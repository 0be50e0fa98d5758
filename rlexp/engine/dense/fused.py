"""A linear layer and the activation after it in one pass, for the shapes for which a library is faster so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rlexp.engine.dense.layers import Activation, Layer, Linear
from rlexp.engine.dense.products import OneDNNProducts

Array = NDArray[np.float32]


class Step(Protocol):
    """What a chain goes through forward: a layer, or two in one. Backward it goes through the layers."""

    def forward(self, x: Array) -> Array:
        """See `Layer`."""


class Fused:
    """A linear layer and its activation: forward in one pass, and each keeps what it needs for backward."""

    def __init__(self, linear: Linear, activation: Activation, library: OneDNNProducts) -> None:
        self._linear, self._activation, self._library = linear, activation, library

    def forward(self, x: Array) -> Array:
        """See `Layer`."""
        linear, activation = self._linear, self._activation
        y = self._library.activated(activation.name, x, linear.weight, linear.bias)
        linear.keep(x)
        activation.keep(y)
        return y


def fused(layers: Sequence[Layer], rows: int) -> list[Step]:
    """The layers in their order, linear ones joined with the activation after them where that is faster."""
    steps: list[Step] = []
    for layer in layers:
        before = steps[-1] if steps else None
        if isinstance(layer, Activation) and isinstance(before, Linear):
            width_out, width_in = before.weight.shape
            library = before.kernels.fused(layer.name, rows, width_in, width_out)
            if library is not None:
                steps[-1] = Fused(before, layer, library)
                continue
        steps.append(layer)
    return steps
