"""Which of RLlib's default networks an algorithm builds, by its config class."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from rlexp.config.algorithms import row_of, rows_of_class
from rlexp.config.algorithms.algorithm_row import Network
from rlexp.config.callables.targets import DEFAULT_TRUSTED
from rlexp.config.keys import builder_signatures

ACTOR_CRITIC: Network = "actor_critic"
"""PPO, APPO, IMPALA, MARWIL: an encoder each (or one together) for the policy and the value."""
CLONING: Network = "cloning"
"""BC: a policy alone."""
Q_NETWORK: Network = "q_network"
"""DQN: an encoder and a head of action values."""
SOFT: Network = "soft"
"""SAC, TQC, CQL, IQL: a policy and Q networks that encode observation and action."""
WORLD_MODEL: Network = "world_model"
"""DreamerV3: sized by `model_size`; reads nothing of the default model's settings."""


def family(config_class: str | type, trusted: Sequence[str] = DEFAULT_TRUSTED) -> str | None:
    """The family of default networks, or None for an algorithm that derives from none of RLlib's.

    Args:
        config_class: the class, or its import path: then RLlib's own is told without importing RLlib.
        trusted: modules that a path may be imported from where its source does not tell.
    """
    if isinstance(config_class, str):
        row = row_of(config_class, trusted)
        return row.network if row is not None else None
    return next((row.network for row in rows_of_class(config_class)), None)


def is_offline(config_class: type) -> bool:
    """Whether the algorithm learns from recorded data and takes no actions in training."""
    return any(row.offline for row in rows_of_class(config_class))


def algorithm_name(config_class: str | type) -> str:
    """The name people use: `PPO` for `PPOConfig`."""
    return builder_signatures.algorithm_name(
        config_class if isinstance(config_class, str) else config_class.__name__
    )


def resolve(config_class: str | type) -> type:
    """The config class itself, imported where a path is given, which validation has already trusted."""
    if isinstance(config_class, type):
        return config_class
    module, _, name = config_class.replace(":", ".").rpartition(".")
    return getattr(import_module(module), name)
