"""RLlib's default sub-networks as plain functions of tensors, without the dictionaries and wrappers around them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.models.base import ENCODER_OUT
from ray.rllib.core.models.torch.encoder import TorchCNNEncoder, TorchMLPEncoder, TorchMultiStreamEncoder
from ray.rllib.core.models.torch.heads import TorchMLPHead
from ray.rllib.core.models.torch.primitives import TorchMLP
from torch import Tensor, nn

Function = Callable[[Any], Tensor]

_IN_PLACE: dict[type, Callable[[Tensor], Tensor]] = {nn.ReLU: torch.relu_, nn.Tanh: torch.tanh_}
"""A linear layer's output is needed by nobody but its activation, so the activation may overwrite it."""


def acts_as(module: Any, default: type) -> bool:
    """True if a module's passes are those of RLlib's default class, whatever networks it has built for them."""
    cls = type(module)
    passes = [name for name in dir(default) if "forward" in name or name.startswith(("compute_", "get_"))]
    return issubclass(cls, default) and all(getattr(cls, name) is getattr(default, name) for name in passes)


def encoder_function(encoder: Any) -> Function:
    """Observations to embeddings, as `encoder({"obs": ...})["encoder_out"]`."""
    if type(encoder) is TorchMLPEncoder:
        return _layers(encoder.net)
    if type(encoder) is TorchCNNEncoder:
        return encoder.net
    return lambda observations: encoder({Columns.OBS: observations})[ENCODER_OUT]


def head_function(head: Any) -> Function:
    """Embeddings to a head's outputs."""
    return _layers(head.net) if type(head) is TorchMLPHead and not head.clip_log_std else head


def action_value_function(encoder: Any, head: Any) -> Callable[[Any, Tensor], Tensor]:
    """Observations and actions to values, [B]."""
    values = head_function(head)
    if type(encoder) is not TorchMultiStreamEncoder or set(encoder.base_encoders) != {
        Columns.OBS,
        Columns.ACTIONS,
    }:
        return lambda obs, act: values(_encode(encoder, obs, act)).squeeze(-1)
    of_obs = encoder_function(encoder.base_encoders[Columns.OBS])
    of_actions = encoder_function(encoder.base_encoders[Columns.ACTIONS])
    fuse = _fusion(encoder)
    # RLlib joins the streams in the alphabetical order of their names.
    return lambda obs, act: values(fuse(torch.cat([of_actions(act), of_obs(obs)], dim=-1))).squeeze(-1)


def _encode(encoder: Any, observations: Any, actions: Tensor) -> Tensor:
    return encoder({Columns.OBS: observations, Columns.ACTIONS: actions})[ENCODER_OUT]


def _fusion(encoder: Any) -> Function:
    """What follows the joined streams: layers that each see the joined streams again, and an output layer."""
    layers, output = list(encoder.fusion_layers), encoder.output_layer
    hidden = encoder.hidden_activation()
    last = encoder.output_activation() if output is not None else None

    def fuse(joined: Tensor) -> Tensor:
        out = joined
        for number, layer in enumerate(layers):
            out = hidden(layer(out if number == 0 else torch.cat([out, joined], dim=-1)))
        if output is None or last is None:
            return out
        return last(output(torch.cat([out, joined], dim=-1) if layers else out))

    return fuse


def overwrite_activations(module: nn.Module) -> None:
    """Lets each ReLU overwrite the output of the layer before it, which nobody else reads: values stay the same."""
    for chain in module.modules():
        if isinstance(chain, nn.Sequential):
            for before, layer in pairwise(chain):
                if type(layer) is nn.ReLU and type(before) in (nn.Conv2d, nn.Linear):
                    layer.inplace = True


def _layers(net: nn.Module) -> Function:
    """A chain of modules; of dense layers without torch's calling convention for modules."""
    modules = list(net.mlp) if isinstance(net, TorchMLP) else [net]
    if not all(type(module) is nn.Linear or type(module) in _IN_PLACE for module in modules):
        return net
    if not modules or type(modules[0]) is not nn.Linear:
        return net
    linear = nn.functional.linear
    steps: list[tuple[Tensor, Tensor | None] | Callable[[Tensor], Tensor]] = [
        (module.weight, module.bias) if isinstance(module, nn.Linear) else _IN_PLACE[type(module)]
        for module in modules
    ]

    def forward(values: Tensor) -> Tensor:
        for step in steps:
            values = linear(values, *step) if isinstance(step, tuple) else step(values)
        return values

    return forward
