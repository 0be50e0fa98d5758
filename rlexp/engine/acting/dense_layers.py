"""Dense layers in numpy, on views of torch's own weights.

Up to some tens of rows, torch's dispatch costs more than the arithmetic: numpy is three to five times faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Array = NDArray[np.float32]


def _relu(values: Array) -> Array:
    return np.maximum(values, 0.0, out=values)


def _tanh(values: Array) -> Array:
    return np.tanh(values, out=values)


def _silu(values: Array) -> Array:
    denominator: Array = np.exp(-values) + np.float32(1.0)
    return values / denominator


def _elu(values: Array) -> Array:
    return np.where(values > 0, values, np.expm1(np.minimum(values, np.float32(0.0))))


class _ClippedLogStd:
    """The last step of a Gaussian policy head of RLlib's: the second half of its outputs is bounded."""

    def __init__(self, bound: float) -> None:
        self._bound = bound

    def __call__(self, values: Array) -> Array:
        log_std = values[:, values.shape[-1] // 2 :]
        np.clip(log_std, -self._bound, self._bound, out=log_std)
        return values


class _FreeLogStd:
    """The last step of a Gaussian policy head whose standard deviations do not depend on the state."""

    def __init__(self, log_std: nn.Parameter, bound: float | None) -> None:
        self.log_std, self._bound = log_std, bound

    def __call__(self, values: Array) -> Array:
        log_std = self.log_std.detach().numpy()
        if self._bound is not None:
            log_std = np.minimum(np.maximum(log_std, -self._bound), self._bound)
        rows, width = values.shape
        joined = np.empty((rows, 2 * width), np.float32)
        joined[:, :width], joined[:, width:] = values, log_std
        return joined


_Layer: TypeAlias = nn.Module | _ClippedLogStd | _FreeLogStd
_ACTIVATIONS: dict[type, Callable[[Array], Array]] = {
    nn.ReLU: _relu,
    nn.Tanh: _tanh,
    nn.SiLU: _silu,
    nn.ELU: _elu,
}


class DenseLayers:
    """The forward pass of a chain of dense layers; always that of the weights as they are now.

    Weights are views of torch's memory, so that an update in place is seen at once; where torch has put
    them elsewhere since (`refresh`), the views are made anew.
    """

    def __init__(self, modules: list[_Layer]) -> None:
        self._modules = modules
        self._parameters = [p for m in modules if isinstance(m, nn.Module) for p in m.parameters()]
        self._view()

    def _view(self) -> None:
        self._places = [p.data_ptr() for p in self._parameters]
        self._steps: list[tuple[Array, Array | None] | Callable[[Array], Array]] = []
        for module in self._modules:
            if isinstance(module, nn.Linear):
                bias = module.bias.detach().numpy() if module.bias is not None else None
                self._steps.append((module.weight.detach().numpy().T, bias))
            elif isinstance(module, (_ClippedLogStd, _FreeLogStd)):
                self._steps.append(module)
            else:
                self._steps.append(_ACTIVATIONS[type(module)])

    def refresh(self) -> None:
        """Looks at the weights again if torch has moved them."""
        if self._places != [p.data_ptr() for p in self._parameters]:
            self._view()

    def __call__(self, inputs: Array) -> Array:
        """[B, in] to [B, out]; float32."""
        values = inputs
        for step in self._steps:
            if callable(step):
                values = step(values)
            else:
                weight, bias = step
                values = values @ weight
                if bias is not None:
                    values += bias
        return values


def dense_layers(*parts: Any) -> DenseLayers | None:
    """The chain of `parts` (torch modules, or RLlib's wrappers of one) in numpy; None where one is no dense layer."""
    modules = [module for part in parts for module in _leaves(part)]
    begins = bool(modules) and isinstance(modules[0], nn.Linear)  # Activations work in place.
    return DenseLayers(modules) if begins and all(_is_known(module) for module in modules) else None


def _leaves(part: nn.Module) -> Iterator[_Layer]:
    """The layers in the order they act in, as far as the order is known; others come out as they are."""
    from ray.rllib.core.models.torch.encoder import TorchMLPEncoder
    from ray.rllib.core.models.torch.heads import TorchFreeLogStdMLPHead, TorchMLPHead
    from ray.rllib.core.models.torch.primitives import TorchMLP

    if type(part) in (TorchMLPEncoder, TorchMLPHead):
        yield from _leaves(part.net)
        if getattr(part, "clip_log_std", False):
            yield _ClippedLogStd(float(part.log_std_clip_param_const))
    elif type(part) is TorchFreeLogStdMLPHead:
        yield from _leaves(part.net)
        yield _FreeLogStd(part.log_std, float(part.log_std_clip_param_const) if part.clip_log_std else None)
    elif type(part) is TorchMLP:
        yield from _leaves(part.mlp)
    elif type(part) is nn.Sequential:
        for child in part:
            yield from _leaves(child)
    elif type(part) is not nn.Identity:
        yield part


def _is_known(module: _Layer) -> bool:
    if isinstance(module, _ClippedLogStd):
        return True
    if isinstance(module, _FreeLogStd):
        return module.log_std.device.type == "cpu"
    if isinstance(module, nn.ELU):
        return module.alpha == 1.0
    if type(module) is nn.Linear:
        return module.weight.device.type == "cpu" and module.weight.dtype == torch.float32
    return type(module) in _ACTIVATIONS
