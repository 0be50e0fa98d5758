"""The observation filter against RLlib's own and against the whole of what was seen."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.rllib.algorithms.bc import BCConfig
from ray.rllib.algorithms.dreamerv3 import DreamerV3Config
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.connectors.env_to_module import MeanStdFilter
from ray.rllib.env.single_agent_episode import SingleAgentEpisode

from rlexp.base.errors import ConfigError
from rlexp.models.observation_filter import ObservationFilter, add_filter

SPACE = gym.spaces.Box(-np.inf, np.inf, (3,), np.float32)
Rows = np.ndarray


def made(learns: bool = True, cls: Any = ObservationFilter) -> Any:
    piece = cls()
    piece.input_action_space = gym.spaces.Discrete(2)
    piece.input_observation_space = SPACE
    if cls is ObservationFilter:
        piece.learns = learns
    return piece


def rows(count: int, seed: int = 0) -> Rows:
    return (
        np.random.default_rng(seed)
        .normal((100.0, 0.0, -3.0), (2.0, 1e-3, 9.0), (count, 3))
        .astype(np.float32)
    )


def episodes(observations: Rows) -> list[SingleAgentEpisode]:
    return [SingleAgentEpisode(observations=[row], observation_space=SPACE) for row in observations]


@pytest.mark.slow
@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=12))
def test_row_for_row_what_rllibs_filter_gives(sizes: list[int]) -> None:
    ours, theirs = made(), made(cls=MeanStdFilter)
    for seed, size in enumerate(sizes):
        new = rows(size, seed)
        through = episodes(new)
        theirs(rl_module=None, batch={}, episodes=through)
        expected = np.array([episode.get_observations(-1) for episode in through])
        np.testing.assert_allclose(ours.normalised(new), expected, atol=1e-5)
    statistics = theirs._filters[None].running_stats
    np.testing.assert_allclose(ours._all.mean, statistics.mean, rtol=1e-10)
    np.testing.assert_allclose(ours._all.squares, statistics.sum_sq_diff_array, rtol=1e-6, atol=1e-9)


def test_on_episodes_and_on_arrays_it_is_the_same() -> None:
    one, other = made(), made()
    through = episodes(rows(5))
    one(episodes=through, batch={})
    np.testing.assert_array_equal(
        [episode.get_observations(-1) for episode in through], other.normalised(rows(5))
    )


@given(
    rounds=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans(), st.booleans()), min_size=1, max_size=8
    )
)
def test_merged_statistics_are_those_of_all_observations(rounds: list[tuple[int, int, bool, bool]]) -> None:
    """Of two runners whose merges may be repeated and whose answers may be lost."""
    local, runners, seen = made(), (made(), made()), [rows(2, 91), rows(2, 92)]
    for runner, first in zip(runners, seen, strict=True):
        runner.normalised(first)
    for number, (*sizes, repeated, lost) in enumerate([*rounds, (0, 0, False, False)]):
        for place, size in enumerate(sizes):
            if size:
                seen.append(rows(size, 10 * number + place))
                runners[place].normalised(seen[-1])
        states = [runner.get_state() for runner in runners]
        for _ in range(1 + repeated):
            merged = local.merge_states(states)
        for runner in () if lost else runners:
            runner.set_state(merged)
    whole = np.concatenate(seen).astype(np.float64)
    for piece in (local, *runners):
        assert piece._all.n == len(whole)
        np.testing.assert_allclose(piece._all.mean, whole.mean(axis=0), rtol=1e-9)
        np.testing.assert_allclose(
            piece._all.squares, ((whole - whole.mean(axis=0)) ** 2).sum(axis=0), rtol=1e-6
        )


def test_a_runner_made_anew_goes_on_from_what_all_knew() -> None:
    local, dead, fresh = made(), made(), made()
    dead.normalised(rows(40, 1))
    fresh.set_state(local.merge_states([dead.get_state()]))
    fresh.normalised(rows(20, 2))
    local.merge_states([fresh.get_state()])
    whole = np.concatenate([rows(40, 1), rows(20, 2)]).astype(np.float64)
    np.testing.assert_allclose(local._all.mean, whole.mean(axis=0), rtol=1e-9)
    assert local._all.n == fresh._all.n == 60


def test_without_learning_it_gives_what_it_was_told_and_stays() -> None:
    source, frozen = made(), made(learns=False)
    source.normalised(rows(50))
    frozen.set_state(source.get_state())
    before = frozen._all
    new = rows(4, 7)
    expected = (new - source._all.mean) / (np.sqrt(source._all.squares / 49) + 1e-6)
    np.testing.assert_allclose(frozen.normalised(new), expected.clip(-10, 10), rtol=1e-5)
    assert frozen._all is before


@pytest.mark.parametrize(
    ("config", "space", "message"),
    [
        (PPOConfig(), gym.spaces.Discrete(4), "the observation is a Discrete"),
        (PPOConfig(), gym.spaces.Dict(a=SPACE), "the observation is a Dict"),
        (BCConfig(), SPACE, "learns from recorded observations"),
        (DreamerV3Config(), SPACE, "squashes its observations by itself"),
    ],
)
def test_where_it_would_do_nothing_it_is_refused(config: Any, space: gym.Space, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        add_filter(config, space, None)
