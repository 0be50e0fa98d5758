"""`env.observation_filter`: which runs can have it, and how it gets into RLlib's config."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import algorithm_name, is_offline, networks_of
from rlexp.models.spec import ConnectorFactory

if TYPE_CHECKING:
    from gymnasium.spaces import Space
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

KEY = "env.observation_filter"
MEAN_STD = "MeanStdFilter"


def add_filter(
    algorithm: AlgorithmConfig, space: Space, then: ConnectorFactory | None
) -> dict[str, ConnectorFactory]:
    """Puts the filter before the model's own connectors.

    Args:
        algorithm: its env-to-module connectors are set.
        space: the environment's observation space.
        then: makes the model's connectors.

    Returns:
        What `evaluation_config` needs, so that evaluation uses the filter and does not move it.

    Raises:
        ConfigError: the observations are no array of numbers, or no env runner samples for training.
    """
    _check(type(algorithm), space)
    algorithm.env_runners(env_to_module_connector=partial(filtered, then=then, learns=True))
    return {"_env_to_module_connector": partial(filtered, then=then, learns=False)}


def filtered(*args: Any, then: ConnectorFactory | None, learns: bool) -> list[Any]:
    """Fresh env-to-module pieces, the filter first; `args` are RLlib's."""
    from rlexp.models.observation_filter import ObservationFilter

    piece = ObservationFilter()
    piece.learns = learns
    return [piece, *(then(*args) if then is not None else ())]


def _check(config_class: type, space: Space) -> None:
    from gymnasium.spaces import Box

    if not isinstance(space, Box):
        reason = f"it normalises arrays of numbers, and the observation is a {type(space).__name__}"
    elif (networks := networks_of(config_class)) is not None and networks.scales_observations:
        reason = f"{algorithm_name(config_class)} squashes its observations by itself"
    elif is_offline(config_class):
        reason = f"{algorithm_name(config_class)} learns from recorded observations, which it does not see"
    else:
        return
    raise ConfigError(f"{KEY}={MEAN_STD}: {reason}", key=KEY, fix=f"{KEY}=NoFilter")
