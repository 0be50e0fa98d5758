"""The fast path of each algorithm: its parts, from the table of algorithms, and what only RLlib's own path knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rlexp.config.algorithms import ALGORITHMS, FastParts

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig


def fast_kind(config: AlgorithmConfig) -> FastParts | None:
    """What the fast path has for this algorithm; a lab's own subclass of its config may mean anything."""
    own = type(config)
    row = ALGORITHMS.get(own.__name__)
    return row.fast if row is not None and row.is_class(own.__module__, own.__name__) else None


def measured_learners() -> dict[str, str]:
    """What learns on RLlib's own path in place of a learner of RLlib's, by import path."""
    return dict(row.measured for row in ALGORITHMS.values() if row.measured is not None)


def limit(config: AlgorithmConfig, kind: FastParts) -> str | None:
    """The first setting of the algorithm that only RLlib's own path knows, as a reason; None without one."""
    return LIMITS[kind.limits](config) if kind.limits is not None else None


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
