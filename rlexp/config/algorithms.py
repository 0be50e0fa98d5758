"""How algorithms use hardware: a table by config class, easy to extend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rlexp.base.errors import ConfigError
from rlexp.config.callables.targets import DEFAULT_TRUSTED
from rlexp.config.keys.builder_signatures import rllib_class

Kind = Literal["on_policy", "off_policy", "async", "offline", "model_based"]

KINDS: dict[str, Kind] = {
    "PPOConfig": "on_policy",
    "APPOConfig": "async",
    "IMPALAConfig": "async",
    "DQNConfig": "off_policy",
    "SACConfig": "off_policy",
    "TQCConfig": "off_policy",
    "DreamerV3Config": "model_based",
    "BCConfig": "offline",
    "MARWILConfig": "offline",
    "CQLConfig": "offline",
    "IQLConfig": "offline",
}
"""RLlib's config classes; one derived from them counts as they do. Another counts as on-policy and is given Ray,
which is never wrong."""

DEFAULTS: dict[str, dict[str, int]] = {
    "PPOConfig": {"num_env_runners": 2},
    "APPOConfig": {"num_env_runners": 2, "num_learners": 1},
    "IMPALAConfig": {"num_env_runners": 2, "num_learners": 1},
}
"""What RLlib takes for a hardware setting left None, where that is not its general default."""

WITHOUT_RAY = frozenset(
    name for name, kind in KINDS.items() if kind in ("on_policy", "off_policy", "model_based")
)
"""Those that RLlib's own code trains in one process without Ray's. Its IMPALA and APPO put each sample into Ray's
object store even with a local runner, and the offline ones read their data with Ray Data."""

ITERATION_STEPS: dict[Kind, int] = {
    "on_policy": 0,
    "off_policy": 1000,
    "async": 2000,
    "model_based": 200,
    "offline": 0,
}
"""Env steps that an iteration lasts at least where nobody says: a training step of the off-policy kinds is a few."""


def class_name(algorithm: str, trusted: Sequence[str] = DEFAULT_TRUSTED) -> str:
    """The name of RLlib's own config class that `algorithm` is or derives from, by which the tables know it.

    Args:
        algorithm: import path of a config class (`ray.rllib.algorithms.ppo.PPOConfig`, or a lab's own), or `ppo`.
        trusted: prefixes of modules that may be imported where the source does not tell.

    Returns:
        A class that cannot be found keeps its own name, which is in no table: whoever needs it says so.
    """
    last = algorithm.replace(":", ".").rpartition(".")[2]
    if last == algorithm:
        return next((name for name in KINDS if name.lower().removesuffix("config") == _short(last)), last)
    try:
        return rllib_class(algorithm, trusted)
    except ConfigError:
        return last


def _short(name: str) -> str:
    return name.lower().removesuffix("config")


def kind_of(algorithm: str, trusted: Sequence[str] = DEFAULT_TRUSTED) -> Kind:
    """How `algorithm` (see `class_name`) uses runners."""
    return KINDS.get(class_name(algorithm, trusted), "on_policy")
