"""Which env runner class a run has, and the one for several agents. It imports RLlib."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner

from rlexp.engine.runners.bounded_episodes import BoundedEpisodes
from rlexp.engine.runners.fatal_errors import FatalErrorKeeper
from rlexp.engine.runners.guarded_runner import GuardedEnvRunner
from rlexp.engine.runners.runner_base import RunnerBase

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
    from ray.rllib.env.env_runner import EnvRunner


class GuardedMultiAgentEnvRunner(RunnerBase, MultiAgentEnvRunner):
    """RLlib's env runner of several agents, with tasks and fatal errors; its environments are in its process."""


def env_runner_class(config: AlgorithmConfig) -> type[EnvRunner]:
    """The env runner class that RLlib would take for `config`, made to keep fatal errors.

    Give it to `config.env_runners(env_runner_cls=...)` last, once the config says whether it is
    multi-agent and whether it records.
    """
    from ray.rllib.offline.offline_env_runner import OfflineSingleAgentEnvRunner

    chosen = config.env_runner_cls
    if chosen is None and config.output:
        chosen = OfflineSingleAgentEnvRunner
    elif chosen is None:
        chosen = GuardedMultiAgentEnvRunner if config.is_multi_agent else GuardedEnvRunner
    return chosen if issubclass(chosen, FatalErrorKeeper) else _keeping(chosen)


@cache
def _keeping(base: type[EnvRunner]) -> type[EnvRunner]:
    from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

    known = issubclass(base, SingleAgentEnvRunner | MultiAgentEnvRunner)
    mixed_in = (BoundedEpisodes, FatalErrorKeeper) if known else (FatalErrorKeeper,)
    return type(f"Guarded{base.__name__}", (*mixed_in, base), {"__module__": base.__module__})
