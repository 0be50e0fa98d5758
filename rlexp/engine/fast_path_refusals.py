"""Whether a run can take the fast path, and if not, why.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from rlexp.config.algorithms import FastParts
from rlexp.engine.fast_path_parts import fast_kind, limit, measured_learners
from rlexp.engine.runners.guarded_runner import GuardedEnvRunner
from rlexp.engine.sampling.env_actions import env_actions
from rlexp.engine.sampling.episode_hooks import listeners
from rlexp.engine.sampling.observations import Observer

if TYPE_CHECKING:
    import gymnasium
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

Spaces = tuple["gymnasium.Space", "gymnasium.Space"]


def why_not(config: AlgorithmConfig, spaces: Spaces) -> str | None:
    """The first reason why a finished config cannot take the fast path; None when it can.

    Args:
        config: with everything set that a run sets, before the env runner class.
        spaces: one environment's observation and action space.
    """
    kind = fast_kind(config)
    if kind is None:
        return f"{type(config).__name__.removesuffix('Config')} has no fast path"
    return _of_settings(config, kind) or _of_connectors(config, spaces) or _of_callbacks(config)


def _of_settings(config: AlgorithmConfig, kind: FastParts) -> str | None:
    refused = {
        "several agents are sampled by RLlib's own runner": config.is_multi_agent,
        "experiences are recorded (data.output) as episodes": bool(config.output),
        "hardware.num_learners > 0: learners in other processes take episodes": config.num_learners > 0,
        "algorithm.batch_mode=complete_episodes": config.batch_mode != "truncate_episodes",
        "an env runner class of its own is set": config.env_runner_cls not in (None, GuardedEnvRunner),
        "a learner class of its own is set": not _is_rllibs(config._learner_class),
        "a learner connector is set": config._learner_connector is not None,
        "several modules are trained": not isinstance(config.rl_module_spec, RLModuleSpec),
    }
    return next((reason for reason, holds in refused.items() if holds), None) or limit(config, kind)


def _is_rllibs(learner: type | None) -> bool:
    """RLlib's own, or what logs more of it on RLlib's own path."""
    return learner is None or f"{learner.__module__}.{learner.__name__}" in measured_learners().values()


def _of_connectors(config: AlgorithmConfig, spaces: Spaces) -> str | None:
    single = {"__env_single__": spaces, "__env__": spaces}
    try:
        Observer(config.build_env_to_module_connector(env=None, spaces=single))
        env_actions(config.build_module_to_env_connector(env=None, spaces=single), spaces[1])
    except NotImplementedError as reason:
        return str(reason)
    return None


def _of_callbacks(config: AlgorithmConfig) -> str | None:
    made: list[Any] = [cls() for cls in config.callbacks_class]
    heard = listeners(made, "on_sample_end")
    if heard:
        return f"the callback {type(heard[0]).__name__} reads whole samples (on_sample_end)"
    return "a function reads whole samples" if config.callbacks_on_sample_end else None
