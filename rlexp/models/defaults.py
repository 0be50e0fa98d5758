"""The network a choice gets where its YAML says None, by the algorithm's family and the observation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rlexp.models.conv import default_filters, tiny_filters
from rlexp.models.family import ACTOR_CRITIC, Q_NETWORK, SOFT
from rlexp.models.model_settings import given
from rlexp.models.observation_kind import IMAGE, kind

if TYPE_CHECKING:
    from gymnasium.spaces import Space

_ON_POLICY: dict[str, Any] = {"fcnet_hiddens": [64, 64], "fcnet_activation": "tanh"}
_BY_FAMILY: dict[str, dict[str, Any]] = {
    Q_NETWORK: {"fcnet_hiddens": [128, 128], "fcnet_activation": "relu"},
    # No extra fusion layers: the joined embeddings pass one dense layer, as in the papers' Q networks.
    SOFT: {
        "fcnet_hiddens": [256, 256],
        "fcnet_activation": "relu",
        "fusionnet_hiddens": [],
        "fusionnet_activation": "relu",
    },
}
_WIDTHS = ("fcnet_hiddens", "head_fcnet_hiddens", "fusionnet_hiddens")
_TINY_WIDTH = 16
_IMAGE_HEAD: dict[str, Any] = {"head_fcnet_hiddens": [256], "head_fcnet_activation": "relu"}


def complete(
    settings: Mapping[str, Any], family: str | None, space: Space, size: str = "normal"
) -> dict[str, Any]:
    """All fields of RLlib's `DefaultModelConfig`, what was given first, then ours, then RLlib's own.

    `vf_share_layers` is always set for the actor-critics, since RLlib's IMPALA and MARWIL otherwise read it
    as true in one place and false in another.

    Args:
        settings: of the model group; None where ours or RLlib's is meant.
        family: see `rlexp.models.family.family`.
        space: the observation space.
        size: `normal`, or `tiny` for the least of what was not given.
    """
    import dataclasses

    from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

    chosen = dataclasses.asdict(DefaultModelConfig()) | _BY_FAMILY.get(family or "", _ON_POLICY)
    if family == ACTOR_CRITIC:
        chosen["vf_share_layers"] = False
    if kind(space) == IMAGE:
        chosen |= _IMAGE_HEAD
        if not settings.get("conv_filters"):
            fitting = tiny_filters if size == "tiny" else default_filters
            chosen["conv_filters"] = fitting(space.shape or ())
    return (_shrunk(chosen) if size == "tiny" else chosen) | given(settings)


def _shrunk(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The same dense layers and LSTM, of 16 units at most."""
    widths = {name: [min(width, _TINY_WIDTH) for width in chosen[name]] for name in _WIDTHS}
    return {**chosen, **widths, "lstm_cell_size": min(chosen["lstm_cell_size"], _TINY_WIDTH)}
