"""The seam for exploration: a strategy is a file here, or anywhere else, with a class of this shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig


class Strategy(Protocol):
    """How actions are tried out in training.

    Built from YAML: `_target_` names the class, the rest are its arguments.
    The constructor raises ConfigError for arguments out of range.
    """

    def check(self, config_class: str | type) -> None:
        """Raise ConfigError when the algorithm cannot explore this way.

        Args:
            config_class: the algorithm's RLlib config class, or its import path.
        """

    def configure(self, config: AlgorithmConfig) -> None:
        """Change the algorithm's config; called once, after the algorithm's and the model's settings."""
