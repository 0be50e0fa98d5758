"""RLlib's default Q network as chains of layers: values of all actions, and back to the weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rlexp.engine.dense.chain import Buffers, chain_of

Array = NDArray[np.float32]


class ActionValues:
    """Observations to Q, [B, A]; with a value head, Q = V + A - mean A (Wang et al. 2016, eq. 9).

    Then dL/dV is the sum of dL/dQ over the actions, and dL/dA is dL/dQ less its mean over them.

    Args:
        encoder: RLlib's.
        advantages: the head that gives A, or Q itself.
        values: the head that gives V; None without one.

    Raises:
        NoFormulaError: a part is no chain of known layers.
    """

    def __init__(self, encoder: Any, advantages: Any, values: Any | None) -> None:
        self._encoder, self._advantages = chain_of(encoder), chain_of(advantages)
        self._values = None if values is None else chain_of(values)
        self._chains = [
            chain for chain in (self._encoder, self._advantages, self._values) if chain is not None
        ]

    def parameters(self) -> list[Tensor]:
        """Of all parts."""
        return [parameter for chain in self._chains for parameter in chain.parameters()]

    def view(self, buffers: Buffers) -> None:
        """Works on the weights and gradients in these buffers from now on."""
        for chain in self._chains:
            chain.view(buffers)

    def forward(self, observations: Array) -> Array:
        """[B, D] to Q, [B, A]; may be overwritten by the next call."""
        encoded = self._encoder.forward(observations)
        advantages = self._advantages.forward(encoded)
        if self._values is None:
            return advantages
        return advantages + (self._values.forward(encoded) - _means(advantages))

    def backward(self, by_q: Array) -> None:
        """The loss's derivative by the last values, [B, A], which may be overwritten, to those by the weights."""
        encodes = bool(self._encoder.layers)
        by_value = None if self._values is None else by_q.sum(axis=1, keepdims=True)
        if by_value is not None:
            by_q = by_q - by_value * np.float32(1 / by_q.shape[1])
        by_encoded = self._advantages.backward(by_q, to_input=encodes)
        if self._values is not None and by_value is not None:
            of_value = self._values.backward(by_value, to_input=encodes)
            if by_encoded is not None and of_value is not None:
                by_encoded += of_value
        if by_encoded is not None:
            self._encoder.backward(by_encoded)


def _means(advantages: Array) -> Array:
    means: Array = advantages.mean(axis=1, keepdims=True)
    return means
