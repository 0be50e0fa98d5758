"""DroQ's Q networks (Hiraoka et al. 2022): plain ones with dropout and layer normalisation, for many updates a step.

Each hidden layer of a critic, and of its target, is ReLU(LayerNorm(Dropout(W x + b))). Dropout makes the critic an
ensemble that costs one network, so that it can be updated twenty times a step without overestimating:

    y = r + gamma (min_i Q'_i,dropout(s', a') - alpha log p(a' | s'))       (their algorithm 2, with two critics)

Imported only once training starts: it needs torch and RLlib at module level.
"""

from __future__ import annotations

from torch import nn

from rlexp.base.errors import ConfigError
from rlexp.models.mlp_critics import JoinedEncoder, PlainCatalog, PlainCriticsSAC


class DroQEncoder(JoinedEncoder):
    """What comes before a Q network's last layer, on the joined observation and action.

    Args:
        inputs: numbers in both together.
        hiddens: widths of the layers.
        dropout: probability of a zero.
    """

    def __init__(self, inputs: int, hiddens: list[int], dropout: float) -> None:
        super().__init__(inputs, hiddens)
        built: list[nn.Module] = []
        for layer in self.body:
            built.append(layer)
            if isinstance(layer, nn.Linear):
                built += [nn.Dropout(dropout), nn.LayerNorm(layer.out_features)]
        self.body = nn.Sequential(*built)


class DroQCatalog(PlainCatalog):
    """Builds that encoder."""

    def joined_encoder(self, inputs: int, hiddens: list[int]) -> DroQEncoder:
        """See `PlainCatalog`.

        Raises:
            ConfigError: `dropout` is no probability below 1.
        """
        dropout = float(self._model_config_dict["dropout"])
        if not 0 <= dropout < 1:
            raise ConfigError(
                f"dropout={dropout} is no probability below 1",
                key="model.module_config.dropout",
                fix="model.module_config.dropout=0.01",
            )
        return DroQEncoder(inputs, hiddens, dropout)


class DroQSAC(PlainCriticsSAC):
    """RLlib's SAC module with that encoder; `model.module_config` has RLlib's keys and `dropout`."""

    catalog_class = DroQCatalog
