"""An episode cut into fragments is put together again, whatever RLlib made of the earlier pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlexp.engine.callbacks.episode_pieces import full_episode, step_infos


def pieces(lengths: list[int], lookback: int, tampered: bool) -> list[Any]:
    """One episode cut after `lengths` steps; the earlier pieces are arrays by then, as in RLlib."""
    from ray.rllib.env.single_agent_episode import SingleAgentEpisode
    from ray.rllib.utils.postprocessing.episodes import add_one_ts_to_episodes_and_truncate

    episode, cut, t = SingleAgentEpisode(), [], 0
    episode.add_env_reset({"t": np.array([0.0])}, infos={"t": 0})
    for number, length in enumerate(lengths):
        for _ in range(length):
            t += 1
            done = t == sum(lengths)
            outputs = {"logp": -float(t)}
            episode.add_env_step(
                {"t": np.array([float(t)])},
                (t, t),
                float(t),
                {"t": t},
                terminated=done,
                extra_model_outputs=outputs,
            )
        cut.append(episode)
        if number < len(lengths) - 1:
            episode = cut[-1].cut(lookback)
            cut[-1].to_numpy()
    if tampered:
        add_one_ts_to_episodes_and_truncate(cut[:-1])  # what PPO's learner does to a local runner's episodes
    return cut


@pytest.mark.parametrize("tampered", [False, True])
@pytest.mark.parametrize("lookback", [0, 2])
@pytest.mark.parametrize("lengths", [[4], [3, 2], [1, 1, 5, 1]])
def test_all_steps_are_there_once(lengths: list[int], lookback: int, tampered: bool) -> None:
    *earlier, last = pieces(lengths, lookback, tampered)
    before = [len(piece) for piece in (*earlier, last)]
    total = sum(lengths)
    episode = full_episode(last, earlier)
    assert [float(obs["t"][0]) for obs in episode.get_observations()] == list(range(total + 1))
    assert [float(reward) for reward in episode.get_rewards()] == list(range(1, total + 1))
    assert [int(action[0]) for action in episode.get_actions()] == list(range(1, total + 1))
    assert [float(x) for x in episode.get_extra_model_outputs("logp")] == [
        -float(t) for t in range(1, total + 1)
    ]
    assert [info["t"] for info in step_infos(last, earlier)] == list(range(1, total + 1))
    assert episode.is_terminated
    assert episode.t == total
    # RLlib goes on using its pieces.
    assert [len(piece) for piece in (*earlier, last)] == before
