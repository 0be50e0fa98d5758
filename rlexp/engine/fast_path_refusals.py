"""Why a run cannot take the fast path: its settings, connectors, callbacks or algorithm."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from rlexp.config.algorithms import ALGORITHMS, FastParts
from rlexp.engine.runners.guarded_runner import GuardedEnvRunner
from rlexp.engine.sampling.env_actions import env_actions
from rlexp.engine.sampling.episode_hooks import listeners
from rlexp.engine.sampling.observations import ObservationPipeline

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
    parts = fast_parts(config)
    if parts is None:
        return f"{type(config).__name__.removesuffix('Config')} has no fast path"
    return _of_settings(config, parts) or _of_connectors(config, spaces) or _of_callbacks(config)


def _of_settings(config: AlgorithmConfig, parts: FastParts) -> str | None:
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
    return next((reason for reason, holds in refused.items() if holds), None) or limit(config, parts)


def _is_rllibs(learner: type | None) -> bool:
    """RLlib's own, or what logs more of it on RLlib's own path."""
    return learner is None or f"{learner.__module__}.{learner.__name__}" in measured_learners().values()


def _of_connectors(config: AlgorithmConfig, spaces: Spaces) -> str | None:
    single = {"__env_single__": spaces, "__env__": spaces}
    try:
        ObservationPipeline(config.build_env_to_module_connector(env=None, spaces=single))
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


def fast_parts(config: AlgorithmConfig) -> FastParts | None:
    """What the fast path has for this algorithm; a lab's own subclass of its config may mean anything."""
    own = type(config)
    row = ALGORITHMS.get(own.__name__)
    return row.fast if row is not None and row.is_class(own.__module__, own.__name__) else None


def measured_learners() -> dict[str, str]:
    """What learns on RLlib's own path in place of a learner of RLlib's, by import path."""
    return dict(row.measured for row in ALGORITHMS.values() if row.measured is not None)


def learners_by_formula() -> dict[str, str]:
    """What learns in place of a learner of RLlib's without a fast path, with gradients by formula, by import path."""
    return dict(row.by_formula for row in ALGORITHMS.values() if row.by_formula is not None)


def limit(config: AlgorithmConfig, parts: FastParts) -> str | None:
    """The first setting of the algorithm that only RLlib's own path knows, as a reason; None without one."""
    return LIMITS[parts.limits](config) if parts.limits is not None else None


def _replay_why_not(config: Any) -> str | None:
    kind = config.replay_buffer_config.get("type", "EpisodeReplayBuffer")
    name = kind.rpartition(".")[2] if isinstance(kind, str) else kind.__name__
    if name not in ("EpisodeReplayBuffer", "PrioritizedEpisodeReplayBuffer"):
        return f"the replay buffer {name} has no columnar form"
    if config.get_rl_module_spec().model_config and config.model_config.get("use_lstm"):
        return "recurrent modules are replayed as sequences by RLlib's own buffer"
    return None


def _async_why_not(config: Any) -> str | None:
    refused = {
        "aggregator actors make batches of episodes": config.num_aggregator_actors_per_learner > 0,
        "only a part of RLlib's training step is wanted (debugging switches)": config._env_runners_only
        or config._skip_learners,
    }
    return next((reason for reason, holds in refused.items() if holds), None)


LIMITS: dict[str, Callable[[Any], str | None]] = {"replay": _replay_why_not, "async": _async_why_not}
"""By the name in a row's `FastParts.limits`."""
