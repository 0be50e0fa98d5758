"""Runs with several agents: one policy acts for all of them, on RLlib's own sampling and learning.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.policy.policy import PolicySpec

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import ALGORITHMS, row_of
from rlexp.config.algorithms.builder_signatures import algorithm_name
from rlexp.config.schema import RunConfig
from rlexp.environment.probe import EnvProbe
from rlexp.models.observation_filter import KEY as FILTER
from rlexp.models.observation_filter import MEAN_STD

MODE = "hardware.gym_env_vectorize_mode"
SYNC = "sync"


def policy_of(agent_id: Any, episode: Any, **kwargs: Any) -> str:
    """The policy that acts for an agent: the same for all, under the name that a single agent's has.

    Other policies for other agents would begin here; the rest of rlexp reads this one.
    """
    return DEFAULT_MODULE_ID


def with_shared_policy(config_class: Any) -> AlgorithmConfig:
    """A fresh config of an algorithm for several agents with one policy.

    RLlib takes a config with one policy of the default name for a single agent's, so its class is a subclass.
    """
    algorithm = _with_agents(config_class)()
    algorithm.multi_agent(policies={DEFAULT_MODULE_ID: PolicySpec()}, policy_mapping_fn=policy_of)
    return algorithm


@cache
def _with_agents(base: Any) -> Any:
    """A subclass of the same name and module, since both say which algorithm it is."""

    def reduce(self: AlgorithmConfig) -> tuple[Any, ...]:
        return _again, (base, self.__dict__)

    own = {"is_multi_agent": True, "__reduce__": reduce, "__module__": base.__module__}
    return type(base.__name__, (base,), own)


def _again(base: Any, state: dict[str, Any]) -> AlgorithmConfig:
    """In another process, from a file, or for a copy."""
    config: AlgorithmConfig = object.__new__(_with_agents(base))
    config.__dict__.update(state)
    return config


def check_agents(config: RunConfig, env: EnvProbe) -> None:
    """Refuses what a run with several agents cannot have.

    Raises:
        ConfigError: with what it can have instead.
    """
    if not env.agents:
        return
    for key, wrong, reason, fix in _refusals(config):
        if wrong:
            raise ConfigError(f"{key}: with several agents, {reason}", key=key, fix=fix)


def _refusals(config: RunConfig) -> list[tuple[str, Any, str, str]]:
    """Key, whether it is wrong, why, and what to write."""
    row = row_of(config.algorithm.config_class, config.trusted)
    tried = [each for each in ALGORITHMS.values() if each.several_agents]
    names = [algorithm_name(each.path) for each in tried]
    others = " or ".join(f"algorithm={each.choice}" for each in tried)
    mode = config.hardware.settings.get("gym_env_vectorize_mode")
    return [
        (
            "algorithm",
            row is None or not row.several_agents,
            f"only {', '.join(names[:-1])} and {names[-1]} are known to work",
            others,
        ),
        (
            MODE,
            mode not in (None, SYNC),
            "RLlib steps environments one after another in the runner's process",
            f"{MODE}={SYNC}",
        ),
        (
            FILTER,
            config.env.observation_filter == MEAN_STD,
            "observations are not filtered",
            f"{FILTER}=NoFilter",
        ),
        ("metrics", config.metrics, "these read one agent's infos; a callback can log", "'metrics={}'"),
        (
            "data.output",
            config.data.settings.get("output"),
            "experiences are not recorded",
            "data.output=null",
        ),
    ]
