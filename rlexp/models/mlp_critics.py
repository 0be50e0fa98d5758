"""SAC with plain Q networks: the layers that other libraries use, over observation and action joined.

RLlib's own Q network encodes the two apart and then fuses them, with many times the parameters. Imported only once
training starts: it needs torch and RLlib at module level.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from ray.rllib.algorithms.sac.sac_catalog import SACCatalog
from ray.rllib.algorithms.sac.torch.default_sac_torch_rl_module import DefaultSACTorchRLModule
from ray.rllib.core.columns import Columns
from ray.rllib.core.models.base import ENCODER_OUT
from torch import nn

from rlexp.base.errors import ConfigError


class JoinedEncoder(nn.Module):
    """What comes before a Q network's last layer: ReLU layers on the joined observation and action."""

    def __init__(self, inputs: int, hiddens: list[int]) -> None:
        super().__init__()
        sizes = [inputs, *hiddens]
        built: list[nn.Module] = []
        for size, following in zip(sizes, sizes[1:], strict=False):
            built += [nn.Linear(size, following), nn.ReLU()]
        self.body = nn.Sequential(*built)

    def forward(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """(B, ...) observations and actions to (B, last layer)."""
        return {ENCODER_OUT: self.body(torch.cat([batch[Columns.OBS], batch[Columns.ACTIONS]], -1))}


class PlainCatalog(SACCatalog):
    """Builds that encoder."""

    def build_qf_encoder(self, framework: str) -> Any:
        """For vectors and continuous actions.

        Raises:
            ConfigError: the observations are no vectors, or the actions not continuous.
        """
        observations, actions = self.observation_space.shape, self.action_space.shape
        if observations is None or len(observations) != 1 or not actions:
            raise ConfigError(
                f"PlainCriticsSAC takes vectors and continuous actions, not {self.observation_space} and "
                f"{self.action_space}",
                key="model.module_class",
                fix="model=auto",
            )
        hiddens = list(self._model_config_dict["fcnet_hiddens"])
        return self.joined_encoder(observations[0] + actions[0], hiddens)

    def joined_encoder(self, inputs: int, hiddens: list[int]) -> JoinedEncoder:
        """One of them; for a subclass with other layers between."""
        return JoinedEncoder(inputs, hiddens)


class PlainCriticsSAC(DefaultSACTorchRLModule):
    """RLlib's SAC module with that encoder; `model.module_config` has RLlib's keys, `fcnet_hiddens` first."""

    catalog_class: ClassVar[type[PlainCatalog]] = PlainCatalog

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"catalog_class": self.catalog_class})
