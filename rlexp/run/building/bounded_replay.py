"""RLlib's own replay buffers stay within their capacity where an episode does not end.

They make room by episodes, and never give up the last one: with one environment, an episode without an end would stay
for ever. So it is stored in pieces, each an episode to the buffer.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from ray.rllib.env.single_agent_episode import SingleAgentEpisode
from ray.rllib.utils import force_list
from ray.rllib.utils.replay_buffers import EpisodeReplayBuffer

from rlexp.engine.replay.uniform import ColumnarReplay

PIECES = 10
"""Of the buffer's capacity, at least: so much of it goes at a time."""


def bound(buffer: Any) -> None:
    """Has `buffer` store long episodes in pieces; does nothing for other buffers than RLlib's of episodes."""
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
