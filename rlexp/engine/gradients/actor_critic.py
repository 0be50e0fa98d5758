"""RLlib's default actor-critic networks as chains of layers: policy and value, with an encoder each or one for both."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray.rllib.core.models.torch.encoder import TorchActorCriticEncoder
from torch import Tensor

from rlexp.engine.dense.chain import Buffers, Chain, NoFormulaError, chain_of

Array = NDArray[np.float32]


class ActorCritic:
    """Observations to the policy's outputs and to values, and back.

    Args:
        module: acts as RLlib's default module of PPO.

    Raises:
        NoFormulaError: a part of it is no chain of known layers.
    """

    def __init__(self, module: Any) -> None:
        encoder = module.encoder
        if type(encoder) is not TorchActorCriticEncoder:
            raise NoFormulaError(f"the encoder is a {type(encoder).__name__}")
        own = getattr(encoder, "actor_encoder", None)
        self._shared = chain_of(encoder.encoder) if own is None else chain_of()
        self._policy = chain_of(module.pi) if own is None else chain_of(own, module.pi)
        self._value = chain_of(module.vf) if own is None else chain_of(encoder.critic_encoder, module.vf)
        self._chains = (self._shared, self._policy, self._value)

    def parameters(self) -> list[Tensor]:
        """Of all parts."""
        return [parameter for chain in self._chains for parameter in chain.parameters()]

    def view(self, buffers: Buffers) -> None:
        """Works on the weights and gradients in these buffers from now on."""
        for chain in self._chains:
            chain.view(buffers)

    def forward(self, observations: Array) -> tuple[Array, Array]:
        """[B, D] to the policy's outputs [B, K] and values [B]; both are overwritten by the next call."""
        encoded = self._shared.forward(observations)
        return self._policy.forward(encoded), self._value.forward(encoded)[:, 0]

    def backward(self, by_outputs: Array, by_values: Array) -> None:
        """The loss's derivatives by what `forward` gave, which may be overwritten, to those by the weights."""
        shared = bool(self._shared.layers)
        of_policy = self._policy.backward(by_outputs, to_input=shared)
        of_value = self._value.backward(by_values[:, None], to_input=shared)
        if of_policy is not None and of_value is not None:
            of_policy += of_value
            self._shared.backward(of_policy)


def policy_chain(encoder: Any, head: Any) -> Chain:
    """Observations to the policy's outputs alone.

    Args:
        encoder: RLlib's for actor and critic, as far as the actor's part goes.
        head: the policy's.

    Raises:
        NoFormulaError: a part of it is no chain of known layers.
    """
    if type(encoder) is not TorchActorCriticEncoder:
        raise NoFormulaError(f"the encoder is a {type(encoder).__name__}")
    own = getattr(encoder, "actor_encoder", None)
    return chain_of(encoder.encoder if own is None else own, head)
