"""Layers one after another, made from torch's modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rlexp.engine.dense.dropout import Dropout
from rlexp.engine.dense.fused import Step, fused
from rlexp.engine.dense.layers import LAYERS, Clamped, FreeLogStd, Layer

Array = NDArray[np.float32]


class Buffers(Protocol):
    """Where parameters lie side by side."""

    def arrays(self, parameters: Iterable[Tensor]) -> tuple[list[Array], list[Array] | None]:
        """The weights and the gradients of some parameters; None for gradients that nobody wants."""


class NoFormulaError(Exception):
    """A network is no chain of layers that are known here; the message says what stands in the way."""


class Chain:
    """A network whose layers follow one another, forward and backward."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)
        self._rows, self._steps = -1, list[Step]()

    def parameters(self) -> list[Tensor]:
        """Of all layers, in their order."""
        return [parameter for layer in self.layers for parameter in layer.parameters()]

    def view(self, buffers: Buffers) -> None:
        """Works on the weights and gradients in these buffers from now on."""
        for layer in self.layers:
            layer.view(*buffers.arrays(layer.parameters()))

    def forward(self, x: Array) -> Array:
        """[B, in] to [B, out]; the result is overwritten by the next call. x is left as it is."""
        if len(x) != self._rows:
            self._rows, self._steps = len(x), fused(self.layers, len(x))
        for step in self._steps:
            x = step.forward(x)
        return x

    def backward(self, dy: Array, to_weights: bool = True, to_input: bool = False) -> Array | None:
        """The loss's derivative by the last result of `forward`, [B, out], to that by its input, [B, in].

        Args:
            dy: may be overwritten.
            to_weights: whether to write the gradients of the layers' parameters.
            to_input: whether the result is wanted; None is returned otherwise.
        """
        first = len(self.layers) - 1
        gradient: Array | None = dy
        for place, layer in enumerate(reversed(self.layers)):
            assert gradient is not None
            gradient = layer.backward(gradient, to_weights, to_input or place < first)
        return gradient if to_input else None


def chain_of(*parts: Any) -> Chain:
    """The chain of `parts`: torch modules, or RLlib's wrappers of some.

    Raises:
        NoFormulaError: one is something else.
    """
    layers = [layer for part in parts for layer in _layers(part)]
    if layers and not isinstance(layers[0].module, nn.Linear):
        raise NoFormulaError(f"it begins with {_name(layers[0].module)}")
    return Chain(layers)


def _layers(part: Any) -> Iterator[Layer]:
    from ray.rllib.core.models.torch.encoder import TorchMLPEncoder
    from ray.rllib.core.models.torch.heads import TorchFreeLogStdMLPHead, TorchMLPHead
    from ray.rllib.core.models.torch.primitives import TorchMLP

    kind = type(part)
    if kind in (TorchMLPEncoder, TorchMLPHead, TorchFreeLogStdMLPHead):
        yield from _layers(part.net)
        limit = float(part.log_std_clip_param_const) if getattr(part, "clip_log_std", False) else None
        if kind is TorchFreeLogStdMLPHead:
            yield FreeLogStd(part, limit)
        elif limit is not None:
            yield Clamped(part, limit)
    elif kind is TorchMLP:
        yield from _layers(part.mlp)
    elif kind is nn.Sequential:
        for child in part:
            yield from _layers(child)
    elif kind is not nn.Identity:
        yield _layer(part)


def _layer(module: nn.Module) -> Layer:
    layer = Dropout if type(module) is nn.Dropout else LAYERS.get(type(module))
    if layer is None:
        raise NoFormulaError(f"{_name(module)} is no layer with a backward pass of its own")
    if isinstance(module, nn.LayerNorm) and (len(module.normalized_shape) != 1 or module.bias is None):
        raise NoFormulaError("LayerNorm over several axes, or without parameters")
    for parameter in module.parameters():
        if parameter.dtype != torch.float32 or parameter.device.type != "cpu":
            raise NoFormulaError(f"{_name(module)} holds {parameter.dtype} on {parameter.device}")
    return layer(module)


def _name(module: Any) -> str:
    return type(module).__name__
