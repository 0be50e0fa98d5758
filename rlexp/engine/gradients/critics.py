"""Q networks as chains of layers: observations and actions to values, and back to the weights or to the actions alone.

SAC's policy loss goes through the critics to the actions, and needs neither their weights' derivatives nor those by
the observations: where a layer sees both joined, only the columns of the actions are gone back to.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray.rllib.core.columns import Columns
from ray.rllib.core.models.torch.encoder import TorchMultiStreamEncoder
from torch import Tensor, nn

from rlexp.engine.dense.chain import Buffers, Chain, NoFormulaError, chain_of
from rlexp.engine.dense.layers import Linear
from rlexp.engine.gradients.sac import by_each_critic

Array = NDArray[np.float32]


class JoinedLinear(Linear):
    """A linear layer that sees several things joined; its backward pass may go to some columns alone."""

    def backward_to(self, dy: Array, columns: slice) -> Array:
        """dL/dy [B, out] to dL/dx of these columns, [B, columns], without the weights' derivatives."""
        weights = self.weight[:, columns]
        dx = self._array("part", len(dy), weights.shape[1])
        return self.kernels.products("by_input", len(dy), weights.shape[1], len(weights)).times(
            dy, weights, dx
        )


class QNetwork(abc.ABC):
    """One critic of continuous actions."""

    @abc.abstractmethod
    def chains(self) -> list[Chain]:
        """Its parts."""

    @abc.abstractmethod
    def forward(self, observations: Array, actions: Array, *, again: bool = False) -> Array:
        """Values, [B], overwritten by the next call.

        Args:
            observations: [B, D].
            actions: [B, A].
            again: these are the observations of the last call, and the weights are the same.
        """

    @abc.abstractmethod
    def backward(self, by_values: Array) -> None:
        """The loss's derivative by the last values, [B], to those by the weights."""

    @abc.abstractmethod
    def to_actions(self, by_values: Array) -> Array:
        """The same to that by the actions, [B, A], overwritten by the next call."""

    def parameters(self) -> list[Tensor]:
        """Of all parts."""
        return [parameter for chain in self.chains() for parameter in chain.parameters()]

    def view(self, buffers: Buffers) -> None:
        """Works on the weights and gradients in these buffers from now on."""
        for chain in self.chains():
            chain.view(buffers)


class JoinedQ(QNetwork):
    """Layers on observation and action joined.

    Args:
        body: torch's layers.
        head: those after them.
        num_actions: A.
    """

    def __init__(self, body: Any, head: Any, num_actions: int) -> None:
        self._chain = chain_of(body, head)
        self._first = JoinedLinear(self._chain.layers[0].module)
        self._chain.layers[0] = self._first
        self._rest = Chain(self._chain.layers[1:])
        self._width = self._first.module.in_features - num_actions
        self._joined = np.empty((0, 0), np.float32)

    def chains(self) -> list[Chain]:
        """See `QNetwork`."""
        return [self._chain]

    def forward(self, observations: Array, actions: Array, *, again: bool = False) -> Array:
        """See `QNetwork`."""
        if not again or len(self._joined) != len(actions):
            self._joined = np.concatenate([observations, actions], axis=1)
        else:
            self._joined[:, self._width :] = actions
        return self._chain.forward(self._joined)[:, 0]

    def backward(self, by_values: Array) -> None:
        """See `QNetwork`."""
        self._chain.backward(by_values[:, None])

    def to_actions(self, by_values: Array) -> Array:
        """See `QNetwork`."""
        dy = self._rest.backward(by_values[:, None], to_weights=False, to_input=True)
        assert dy is not None
        return self._first.backward_to(dy, slice(self._width, None))


class FusedQ(QNetwork):
    """RLlib's own: an encoder for the actions and one for the observations, then layers on what they give.

    With e = [actions encoded, observations encoded] and y_0 nothing, each fusion layer and the output layer is
    y_i = f(W_i [y_(i-1), e] + b_i), so dL/de is the sum over all of them.

    Args:
        encoder: RLlib's.
        head: what follows its last layer.
    """

    def __init__(self, encoder: TorchMultiStreamEncoder, head: Any) -> None:
        if set(encoder.base_encoders) != {Columns.OBS, Columns.ACTIONS}:
            raise NoFormulaError(f"the critic encodes {', '.join(encoder.base_encoders)}")
        self._of_actions = chain_of(encoder.base_encoders[Columns.ACTIONS])
        self._of_observations = chain_of(encoder.base_encoders[Columns.OBS])
        hidden, output = encoder.hidden_activation, encoder.output_layer
        layers = [_fusion(layer, hidden()) for layer in encoder.fusion_layers]
        if output is not None:
            layers.append(_fusion(output, encoder.output_activation()))
        self._fusion, self._head = layers, chain_of(head)
        self._inputs = [np.empty((0, 0), np.float32) for _ in range(1 + len(layers))]

    def chains(self) -> list[Chain]:
        """See `QNetwork`."""
        return [self._of_actions, self._of_observations, *self._fusion, self._head]

    def forward(self, observations: Array, actions: Array, *, again: bool = False) -> Array:
        """See `QNetwork`."""
        of_actions = self._of_actions.forward(actions)
        if not again:
            self._observed = self._of_observations.forward(observations)
        y = encoded = self._join(0, of_actions, self._observed)
        self._split, self._widths = of_actions.shape[1], []
        for number, chain in enumerate(self._fusion):
            x = encoded if number == 0 else self._join(number, y, encoded)
            self._widths.append(x.shape[1] - encoded.shape[1])
            y = chain.forward(x)
        return self._head.forward(y)[:, 0]

    def _join(self, number: int, first: Array, second: Array) -> Array:
        """[B, first + second], in the array of this number, which is made once."""
        shape = len(first), first.shape[1] + second.shape[1]
        if self._inputs[number].shape != shape:
            self._inputs[number] = np.empty(shape, np.float32)
        return np.concatenate([first, second], axis=1, out=self._inputs[number])

    def backward(self, by_values: Array) -> None:
        """See `QNetwork`."""
        dy = _passed(self._head, by_values[:, None])
        by_encoded: Array | None = None
        for chain, width in self._backwards():
            dx = chain.backward(dy, to_input=True)
            assert dx is not None
            dy, part = dx[:, :width], dx[:, width:]
            by_encoded = part if by_encoded is None else _add(by_encoded, part)
        by_encoded = dy if by_encoded is None else by_encoded
        self._of_actions.backward(by_encoded[:, : self._split])
        self._of_observations.backward(by_encoded[:, self._split :])

    def to_actions(self, by_values: Array) -> Array:
        """See `QNetwork`."""
        dy = _passed(self._head, by_values[:, None], to_weights=False)
        by_encoded: Array | None = None
        for chain, width in self._backwards():
            linear, activation = chain.layers[0], Chain(chain.layers[1:])
            assert isinstance(linear, JoinedLinear)
            dx = linear.backward_to(_passed(activation, dy, to_weights=False), slice(width + self._split))
            dy, part = dx[:, :width], dx[:, width:]
            by_encoded = part if by_encoded is None else _add(by_encoded, part)
        by_encoded = dy[:, : self._split] if by_encoded is None else by_encoded
        return _passed(self._of_actions, by_encoded, to_weights=False)

    def _backwards(self) -> list[tuple[Chain, int]]:
        """The fusion layers from the last to the first, and how many of their columns the layer before gave."""
        return list(zip(reversed(self._fusion), reversed(self._widths), strict=False))


def critic_of(encoder: Any, head: Any, num_actions: int) -> QNetwork:
    """The critic that RLlib's encoder and head make, or the plain one of `rlexp.models.mlp_critics`.

    Raises:
        NoFormulaError: the encoder is another one, or a part of it is no chain of known layers.
    """
    from rlexp.models.mlp_critics import JoinedEncoder

    if isinstance(encoder, JoinedEncoder) and type(encoder).forward is JoinedEncoder.forward:
        return JoinedQ(encoder.body, head, num_actions)
    if type(encoder) is TorchMultiStreamEncoder:
        return FusedQ(encoder, head)
    raise NoFormulaError(f"the critic's encoder is a {type(encoder).__name__}")


def critic_named(module: Any, name: str) -> QNetwork:
    """The critic that a module of RLlib's has under a name, as `qf`, `qf_twin` or `target_qf`.

    Raises:
        NoFormulaError: see `critic_of`.
    """
    encoder, head = getattr(module, f"{name}_encoder"), getattr(module, name)
    return critic_of(encoder, head, math.prod(module.action_space.shape))


def by_actions(critics: Sequence[QNetwork], values: Sequence[Array]) -> Array:
    """The derivative of SAC's policy loss by the actions, through each row's least critic, [B, A].

    Args:
        critics: one or two.
        values: [B] each, what they gave last.
    """
    pairs = zip(critics, by_each_critic(values), strict=True)
    each = [critic.to_actions(by_values) for critic, by_values in pairs]
    return each[0] if len(each) == 1 else each[0] + each[1]


def _fusion(layer: nn.Linear, activation: nn.Module) -> Chain:
    chain = chain_of(nn.Sequential(layer, activation))
    chain.layers[0] = JoinedLinear(layer)
    return chain


def _passed(chain: Chain, dy: Array, to_weights: bool = True) -> Array:
    found = chain.backward(dy, to_weights, to_input=True)
    assert found is not None
    return found


def _add(total: Array, part: Array) -> Array:
    total += part
    return total
