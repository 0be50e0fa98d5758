"""Actor-critic networks whose encoder learns by autograd, and the heads on it by formula: images, memory, one's own.

Most of torch's calls in an update are those of heads, distributions and losses. With e the encoder's output, the heads
carry the loss's derivative back to dL/de, and autograd goes from there: `e.backward(dL/de)`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.core.models.base import ACTOR, CRITIC, ENCODER_OUT
from torch import Tensor

from rlexp.engine.dense.chain import Buffers, NoFormulaError, chain_of

Array = NDArray[np.float32]


class EncodedActorCritic:
    """A module's batch to the policy's outputs and to values, and back.

    Args:
        module: acts as RLlib's default module of PPO, with any encoder.

    Raises:
        NoFormulaError: a head is no chain of known layers, or shares parameters with another part.
    """

    def __init__(self, module: Any) -> None:
        self._encoder = module.encoder
        self._policy, self._value = chain_of(module.pi), chain_of(module.vf)
        self._learnt = list(module.encoder.parameters())
        shared = len({id(each) for each in self.parameters()}) < len(self.parameters())
        if shared or not all(chain.parameters() for chain in (self._policy, self._value)):
            raise NoFormulaError("heads and encoder are not apart from each other")

    def parameters(self) -> list[Tensor]:
        """Of all parts."""
        return [*self._learnt, *self._policy.parameters(), *self._value.parameters()]

    def view(self, buffers: Buffers) -> None:
        """The heads work on the weights and gradients in these buffers from now on."""
        self._policy.view(buffers)
        self._value.view(buffers)
        gradients = [buffers.arrays([each])[1] for each in self._learnt]
        self._gradients = [torch.from_numpy(of_one[0]) for of_one in gradients if of_one is not None]

    def forward(self, batch: dict[str, Any], mask: Tensor | None) -> tuple[Array, Array]:
        """A module's batch of B steps to the policy's outputs [B, K] and values [B]; both are overwritten later.

        Args:
            batch: what the encoder takes.
            mask: [M, L], true for B steps among sequences; None where each row of the batch is a step.
        """
        self._mask = mask
        encoded = self._encoder(batch)[ENCODER_OUT]
        self._of_actor, self._of_critic = encoded[ACTOR], encoded[CRITIC]
        rows = _rows(self._of_actor, mask)
        outputs = self._policy.forward(rows)
        if self._of_critic is not self._of_actor:
            rows = _rows(self._of_critic, mask)
        return outputs, self._value.forward(rows)[:, 0]

    def backward(self, by_outputs: Array, by_values: Array) -> bool:
        """The loss's derivatives by what `forward` gave, which may be overwritten, to those by all weights.

        Returns:
            Whether every parameter has a gradient; `parameter.grad` is None for those of the encoder that have none.
        """
        of_policy = self._policy.backward(by_outputs, to_input=True)
        of_value = self._value.backward(by_values[:, None], to_input=True)
        assert of_policy is not None and of_value is not None
        encoded, gradients = [self._of_actor, self._of_critic], [of_policy, of_value]
        if self._of_critic is self._of_actor:
            of_policy += of_value
            encoded, gradients = encoded[:1], gradients[:1]
        pairs = [pair for pair in zip(encoded, gradients, strict=True) if pair[0].requires_grad]
        for parameter in self._learnt:
            parameter.grad = None
        if pairs:
            torch.autograd.backward(
                [tensor for tensor, _ in pairs],
                [_spread(gradient, tensor, self._mask) for tensor, gradient in pairs],
            )
        self._of_actor = self._of_critic = None
        return self._keep_gradients()

    def _keep_gradients(self) -> bool:
        """Puts the encoder's gradients into the buffers."""
        reached = [
            (parameter, parameter.grad, view)
            for parameter, view in zip(self._learnt, self._gradients, strict=True)
            if parameter.grad is not None
        ]
        if reached:
            torch._foreach_copy_([view for _, _, view in reached], [gradient for _, gradient, _ in reached])
        for parameter, _, view in reached:
            parameter.grad = view
        return len(reached) == len(self._learnt)


def _rows(encoded: Tensor, mask: Tensor | None) -> Array:
    """[B, E], of the steps alone."""
    with torch.no_grad():
        chosen = encoded if mask is None else encoded[mask]
        rows: Array = chosen.float().contiguous().numpy()
    return rows


def _spread(gradient: Array, encoded: Tensor, mask: Tensor | None) -> Tensor:
    """[B, E] in the encoder's shape: 0 where no step is."""
    rows = torch.from_numpy(np.ascontiguousarray(gradient))
    if mask is None:
        return rows.to(encoded.dtype)
    spread = torch.zeros_like(encoded)
    spread[mask] = rows.to(encoded.dtype)
    return spread
