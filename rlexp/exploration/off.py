"""No exploration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import algorithm_name, is_offline, resolve

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig


class Off:
    """Take the most likely action in training too, e.g. to see what a policy does without noise."""

    def check(self, config_class: str | type) -> None:
        """Any algorithm that acts while it learns."""
        algorithm = resolve(config_class)
        if is_offline(algorithm):
            message = (
                f"exploration=off: {algorithm_name(algorithm)} learns from recorded data and never explores"
            )
            raise ConfigError(message, key="exploration", fix="exploration=default")

    def configure(self, config: AlgorithmConfig) -> None:
        """Switch exploration off for the training runners."""
        config.env_runners(explore=False)
