"""How algorithms use hardware: a table by config class, easy to extend."""

from __future__ import annotations

from typing import Literal

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
"""RLlib's config classes. One that is not here counts as on-policy and is given Ray, which is never wrong."""

DEFAULTS: dict[str, dict[str, int]] = {
    "PPOConfig": {"num_env_runners": 2},
    "APPOConfig": {"num_env_runners": 2, "num_learners": 1},
    "IMPALAConfig": {"num_env_runners": 2, "num_learners": 1},
}
"""What RLlib takes for a hardware setting left null, where that is not its general default."""

WITHOUT_RAY = frozenset(
    name for name, kind in KINDS.items() if kind in ("on_policy", "off_policy", "model_based")
)
"""Those that train in one process without Ray's. IMPALA and APPO put each sample into Ray's object store even
with a local runner, and the offline ones read their data with Ray Data."""


def class_name(algorithm: str) -> str:
    """The config class's name, from its import path (`ray.rllib.algorithms.ppo.PPOConfig`) or `ppo`."""
    last = algorithm.replace(":", ".").rpartition(".")[2]
    wanted = last.lower() if last.lower().endswith("config") else f"{last.lower()}config"
    return next((name for name in KINDS if name.lower() == wanted), last)


def kind_of(algorithm: str) -> Kind:
    """How `algorithm` (an import path or a choice) uses runners."""
    return KINDS.get(class_name(algorithm), "on_policy")
