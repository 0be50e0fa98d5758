"""The algorithm's own exploration."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig


class Default:
    """Explore as the algorithm does by itself."""

    def check(self, config_class: str | type) -> None:
        """Any algorithm will do."""

    def configure(self, config: AlgorithmConfig) -> None:
        """Switch exploration on, which a config class may have off."""
        config.env_runners(explore=True)
