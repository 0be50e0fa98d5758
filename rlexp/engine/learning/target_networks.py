"""Target networks moved towards their main networks by two calls, however many layers there are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class TargetNetworks:
    """The (main, target) pairs of one RLModule, as lists of tensors."""

    def __init__(self, module: Any) -> None:
        self._mains: list[Tensor] = []
        self._targets: list[Tensor] = []
        for main, target in module.get_target_network_pairs():
            of_target = target.state_dict()
            for name, tensor in main.state_dict().items():
                self._mains.append(tensor)
                self._targets.append(of_target[name])

    @torch.no_grad()
    def update(self, tau: float) -> None:
        """target = tau * main + (1 - tau) * target; buffers included, as in RLlib."""
        if tau == 1.0:
            torch._foreach_copy_(self._targets, self._mains)
        else:
            torch._foreach_lerp_(self._targets, self._mains, tau)
