"""Which of RLlib's default networks an algorithm builds, told from its config class."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from rlexp.config.algorithms import class_name
from rlexp.config.callables.targets import DEFAULT_TRUSTED
from rlexp.config.keys import builder_signatures

ACTOR_CRITIC = "actor_critic"
"""PPO, APPO, IMPALA, MARWIL: an encoder each (or one together) for the policy and the value."""
CLONING = "cloning"
"""BC: a policy alone."""
Q_NETWORK = "q_network"
"""DQN: an encoder and a head of action values."""
SOFT = "soft"
"""SAC, TQC, CQL, IQL: a policy and Q networks that encode observation and action."""
WORLD_MODEL = "world_model"
"""DreamerV3: sized by `model_size`; reads nothing of the default model's settings."""

_FAMILY = {
    "PPOConfig": ACTOR_CRITIC,
    "APPOConfig": ACTOR_CRITIC,
    "IMPALAConfig": ACTOR_CRITIC,
    "MARWILConfig": ACTOR_CRITIC,
    "BCConfig": CLONING,
    "DQNConfig": Q_NETWORK,
    "SACConfig": SOFT,
    "TQCConfig": SOFT,
    "CQLConfig": SOFT,
    "IQLConfig": SOFT,
    "DreamerV3Config": WORLD_MODEL,
}


def family(config_class: str | type, trusted: Sequence[str] = DEFAULT_TRUSTED) -> str | None:
    """The family of default networks, or None for an algorithm that derives from none of RLlib's.

    Args:
        config_class: the class, or its import path: then RLlib's own is told without importing RLlib.
        trusted: modules that a path may be imported from where its source does not tell.
    """
    if isinstance(config_class, str):
        return _FAMILY.get(class_name(config_class, trusted))
    for ancestor in config_class.__mro__:
        if ancestor.__module__.startswith("ray.rllib.algorithms.") and ancestor.__name__ in _FAMILY:
            return _FAMILY[ancestor.__name__]
    return None


_OFFLINE = frozenset({"MARWILConfig", "CQLConfig"})
"""What BC, IQL and the others that learn from recorded data derive from."""


def is_offline(config_class: type) -> bool:
    """Whether the algorithm learns from recorded data and takes no actions in training."""
    return any(ancestor.__name__ in _OFFLINE for ancestor in config_class.__mro__)


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
