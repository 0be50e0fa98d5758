"""The network a choice gets where its YAML says None, by the algorithm and the observation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rlexp.config.algorithms import OTHER_NETWORKS, Networks
from rlexp.models.conv import default_filters, tiny_filters
from rlexp.models.model_settings import given
from rlexp.models.observation_kind import IMAGE, kind

if TYPE_CHECKING:
    from gymnasium.spaces import Space

_WIDTHS = ("fcnet_hiddens", "head_fcnet_hiddens", "fusionnet_hiddens")
_TINY_WIDTH = 16
_IMAGE_HEAD: dict[str, Any] = {"head_fcnet_hiddens": [256], "head_fcnet_activation": "relu"}


def complete_settings(
    settings: Mapping[str, Any], networks: Networks | None, space: Space, size: str = "normal"
) -> dict[str, Any]:
    """Returns all fields of RLlib's `DefaultModelConfig`: what was given first, then ours, then RLlib's own.

    Args:
        settings: of the model group; None where ours or RLlib's is meant.
        networks: the algorithm's; None where they are not known.
        space: the observation space.
        size: `normal`, or `tiny` for the least of what was not given.
    """
    import dataclasses

    from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

    chosen = dataclasses.asdict(DefaultModelConfig()) | dict((networks or OTHER_NETWORKS).defaults)
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
