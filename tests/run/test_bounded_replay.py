"""RLlib's replay buffers hold no more than their capacity, however long an episode is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ray.rllib.env.single_agent_episode import SingleAgentEpisode
from ray.rllib.utils.replay_buffers import EpisodeReplayBuffer, PrioritizedEpisodeReplayBuffer

from rlexp.engine.replay.uniform import ColumnarReplay
from rlexp.run.building.rllib_fixes import bound_replay


def fragments(count: int, steps: int, id_: str) -> Any:
    """An episode in parts as RLlib's env runner gives them; it does not end."""
    episode = SingleAgentEpisode(id_=id_)
    episode.add_env_reset(np.zeros(3, np.float32), infos={})
    for _ in range(count):
        for _ in range(steps):
            episode.add_env_step(np.full(3, episode.t, np.float32), 0, float(episode.t), infos={})
        successor = episode.cut(len_lookback_buffer=1)
        yield episode.to_numpy()
        episode = successor


@pytest.mark.parametrize("kind", [EpisodeReplayBuffer, PrioritizedEpisodeReplayBuffer])
@pytest.mark.parametrize("environments", [1, 2])
def test_an_episode_without_an_end_leaves_the_buffer_again(kind: Any, environments: int) -> None:
    buffer = kind(capacity=200, batch_size_B=16, batch_length_T=1)
    bound_replay(buffer)
    running = [fragments(50, 10, f"e{index}") for index in range(environments)]
    for parts in zip(*running, strict=True):
        buffer.add(list(parts))
        assert buffer.get_num_timesteps() <= 220
    assert buffer.get_num_timesteps() > 140
    sampled = buffer.sample(num_items=64, n_step=1, gamma=0.99, sample_episodes=True)
    rewards = [float(each.get_rewards(0)) for each in sampled]
    assert min(rewards) > 250, "the oldest are gone"


def test_short_episodes_keep_their_names() -> None:
    buffer = EpisodeReplayBuffer(capacity=1000)
    bound_replay(buffer)
    for part in fragments(1, 50, "short"):
        buffer.add(part)
    assert list(buffer.episode_id_to_index) == ["short"]


def test_the_fast_paths_replay_is_left_alone() -> None:
    buffer = ColumnarReplay(capacity=1000)
    bound_replay(buffer)
    assert "add" not in vars(buffer)
