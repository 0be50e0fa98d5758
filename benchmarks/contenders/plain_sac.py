"""RLlib's SAC module with plain Q networks: the same layers as other libraries', over observation and action joined.

RLlib's own Q network encodes the two apart and then fuses them, which is several times larger.
"""

from __future__ import annotations

from typing import Any

import torch
from ray.rllib.algorithms.sac.sac_catalog import SACCatalog
from ray.rllib.algorithms.sac.torch.default_sac_torch_rl_module import DefaultSACTorchRLModule
from ray.rllib.core.columns import Columns
from ray.rllib.core.models.base import ENCODER_OUT
from torch import nn

from contenders.networks import layers


class JoinedEncoder(nn.Module):
    """What comes before a Q network's last layer."""

    def __init__(self, inputs: int, hiddens: list[int]) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers([inputs, *hiddens], nn.ReLU), nn.ReLU())

    def forward(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """(B, ...) observations and actions to (B, last layer)."""
        return {ENCODER_OUT: self.body(torch.cat([batch[Columns.OBS], batch[Columns.ACTIONS]], -1))}


class PlainCatalog(SACCatalog):
    """Builds that encoder."""

    def build_qf_encoder(self, framework: str) -> Any:
        """For vectors and continuous actions."""
        inputs = self.observation_space.shape[0] + self.action_space.shape[0]
        return JoinedEncoder(inputs, self._model_config_dict["fcnet_hiddens"])


class PlainSAC(DefaultSACTorchRLModule):
    """The module with that catalogue."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"catalog_class": PlainCatalog})
