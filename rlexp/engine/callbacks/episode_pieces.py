"""An episode put together again from the pieces that RLlib cuts it into at the end of each fragment.

With a local environment runner the earlier pieces are the very objects that a learner has worked on since:
PPO has lengthened them by an artificial step and renamed them. So a piece's steps are those up to where the
next one starts, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ray.rllib.env.single_agent_episode import SingleAgentEpisode

Pieces = Sequence[SingleAgentEpisode]


def step_infos(episode: SingleAgentEpisode, earlier: Pieces) -> Iterator[dict[str, Any]]:
    """The info dict of each step, the one of `reset` left out.

    Args:
        episode: the piece in which the episode ended.
        earlier: the pieces before it, oldest first.
    """
    for piece, length in _with_lengths(episode, earlier):
        # A piece begins with the info of its predecessor's last step (the first one: of `reset`).
        yield from piece.get_infos(slice(1, length + 1))


def full_episode(episode: SingleAgentEpisode, earlier: Pieces) -> SingleAgentEpisode:
    """One episode with the data of all pieces; `episode` itself if it is the only one. Nothing is changed."""
    if not earlier:
        return episode
    columns: dict[str, list[Any]] = {"observations": [], "infos": [], "actions": [], "rewards": []}
    outputs: dict[str, list[Any]] = {key: [] for key in episode.extra_model_outputs}
    for piece, length in _with_lengths(episode, earlier):
        first = 1 if columns["observations"] else 0
        columns["observations"] += _steps(piece.get_observations(), length + 1)[first:]
        columns["infos"] += list(piece.get_infos(slice(first, length + 1)))
        columns["actions"] += _steps(piece.get_actions(), length)
        columns["rewards"] += _steps(piece.get_rewards(), length)
        for key, values in outputs.items():
            values += _steps(piece.get_extra_model_outputs(key), length)
    return SingleAgentEpisode(
        id_=episode.id_,
        observation_space=episode.observation_space,
        action_space=episode.action_space,
        extra_model_outputs=outputs,
        terminated=episode.is_terminated,
        truncated=episode.is_truncated,
        len_lookback_buffer=0,
        **columns,
    )


def _with_lengths(episode: SingleAgentEpisode, earlier: Pieces) -> Iterator[tuple[SingleAgentEpisode, int]]:
    """Each piece with the number of its own environment steps."""
    pieces = [*earlier, episode]
    ends = [piece.t_started for piece in pieces[1:]] + [episode.t]
    for piece, end in zip(pieces, ends, strict=True):
        yield piece, end - piece.t_started


def _steps(batch: Any, length: int) -> list[Any]:
    """The first `length` items of a batch as a list; it is one already unless RLlib has made it arrays."""
    if isinstance(batch, list):
        return batch[:length]
    import tree

    return [tree.map_structure(lambda leaf, index=index: leaf[index], batch) for index in range(length)]
