"""What RLlib 2.60 gets wrong about single algorithms and their replay buffers: put right, or refused with a way out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ray.rllib.env.single_agent_episode import SingleAgentEpisode
from ray.rllib.utils import force_list
from ray.rllib.utils.replay_buffers import EpisodeReplayBuffer

from rlexp.base.errors import ConfigError
from rlexp.compat import rllib
from rlexp.config.algorithms import rows_of_class
from rlexp.engine.replay.uniform import ColumnarReplay

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

PIECES = 10
"""Of the buffer's capacity, at least: so much of it goes at a time."""


def put_right(algorithm: AlgorithmConfig) -> None:
    """Replaces RLlib's defaults that RLlib itself then refuses; before any setting is applied."""
    for row in rows_of_class(type(algorithm)):
        if row.training:
            algorithm.training(**row.training)


def refuse(algorithm: AlgorithmConfig) -> None:
    """Refuses settings on which RLlib would fail once training runs; after all are applied.

    Raises:
        ConfigError: with the value that works.
    """
    for row in rows_of_class(type(algorithm)):
        for quirk in row.quirks:
            REFUSALS[quirk](algorithm)


def guard_metrics(algorithm: Algorithm) -> None:
    """Evaluation beside training makes new entries in the metrics while another thread walks through them."""
    if algorithm.config is not None and algorithm.config.evaluation_parallel_to_training:
        rllib.lock_metrics(algorithm)


def _several_updates(algorithm: AlgorithmConfig) -> None:
    """A local learner hands a single batch on as if it were an iterator."""
    if algorithm.num_learners == 0 and algorithm.dataset_num_iters_per_learner == 1:
        key = "data.dataset_num_iters_per_learner"
        raise ConfigError(
            f"{key}=1: RLlib's CQL cannot make a single update an iteration", key=key, fix=f"{key}=100"
        )


REFUSALS: dict[str, Callable[[AlgorithmConfig], None]] = {"single_update": _several_updates}
"""Checks, by the name in `quirks` of a row of the table of algorithms."""


def bound_replay(buffer: Any) -> None:
    """Has `buffer` store long episodes in pieces; does nothing for other buffers than RLlib's of episodes.

    RLlib's make room by episodes, and never give up the last one: with one environment, an episode without an end would
    stay for ever. So it is stored in pieces, each an episode to the buffer.
    """
    if isinstance(buffer, EpisodeReplayBuffer) and not isinstance(buffer, ColumnarReplay):
        buffer.add = _adding(buffer, buffer.add)


def _adding(buffer: EpisodeReplayBuffer, add: Callable[..., Any]) -> Callable[..., Any]:
    names: dict[str, str] = {}
    longest = max(1, buffer.capacity // PIECES)

    def named(episode: Any) -> Any:
        if not isinstance(episode, SingleAgentEpisode):
            return episode
        own = episode.id_
        name = names.get(own, own)
        index = buffer.episode_id_to_index.get(name)
        if index is not None and len(buffer.episodes[index - buffer._num_episodes_evicted]) >= longest:
            names[own] = name = f"{own} from {episode.t_started}"
        if episode.is_done:
            names.pop(own, None)
        if name == own:
            return episode
        piece = copy.copy(episode)
        piece.id_ = name
        return piece

    def adding(episodes: Any, *args: Any, **kwargs: Any) -> Any:
        return add([named(episode) for episode in force_list(episodes)], *args, **kwargs)

    return adding
