"""The network a choice gets where its YAML says null, by the algorithm's family and the observation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rlexp.models.conv import default_filters
from rlexp.models.effects import given
from rlexp.models.family import ACTOR_CRITIC, Q_NETWORK, SOFT
from rlexp.models.observation import IMAGE, kind

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
_IMAGE_HEAD: dict[str, Any] = {"head_fcnet_hiddens": [256], "head_fcnet_activation": "relu"}


def complete(settings: Mapping[str, Any], family: str | None, space: Space) -> dict[str, Any]:
    """All fields of RLlib's `DefaultModelConfig`, what was given first, then ours, then RLlib's own.

    `vf_share_layers` is always set for the actor-critics, since RLlib's IMPALA and MARWIL otherwise read it
    as true in one place and false in another.
    """
    import dataclasses

    from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

    chosen = dataclasses.asdict(DefaultModelConfig()) | _BY_FAMILY.get(family or "", _ON_POLICY)
    if family == ACTOR_CRITIC:
        chosen["vf_share_layers"] = False
    if kind(space) == IMAGE:
        chosen |= _IMAGE_HEAD
        if not settings.get("conv_filters"):
            chosen["conv_filters"] = default_filters(space.shape or ())
    return chosen | given(settings)
