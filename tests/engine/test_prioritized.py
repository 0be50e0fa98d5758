"""The prioritised columnar replay against RLlib's own, and its tree against plain sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.rllib.env.single_agent_episode import SingleAgentEpisode
from ray.rllib.utils.replay_buffers.prioritized_episode_buffer import PrioritizedEpisodeReplayBuffer

from rlexp.engine.replay.prioritized import PrioritizedColumnarReplay
from rlexp.engine.replay.sum_tree import SumTree
from rlexp.engine.rollout import Rollout

ALPHA, BETA = 0.6, 0.4


def straight(steps: int, start: int = 0, continues: bool = True, ends: bool = False) -> Rollout:
    """One stream whose observations are counted up; no episode ends but perhaps with the last step."""
    observations = np.arange(start, start + steps + 1, dtype=np.float32)[:, None, None]
    flags = np.zeros((steps, 1), bool)
    terminated = flags.copy()
    terminated[-1] = ends
    rewards = np.arange(start, start + steps, dtype=np.float32)[:, None]
    return Rollout(
        observations, np.zeros((steps, 1), int), rewards, terminated, flags, ~flags, continues=continues
    )


def as_stock(rollout: Rollout) -> SingleAgentEpisode:
    return SingleAgentEpisode(
        observations=list(rollout.observations[:, 0]),
        actions=[0] * rollout.num_steps,
        rewards=[float(r) for r in rollout.rewards[:, 0]],
        terminated=bool(rollout.terminated[-1, 0]),
        len_lookback_buffer=0,
    )


def priority_of(number: int) -> float:
    return 0.1 + (number * 7 % 13)


def prioritise(buffer, numbers) -> None:
    buffer.update_priorities(np.array([priority_of(int(n)) for n in numbers]))


def test_weights_and_new_priorities_equal_stocks():
    rollout = straight(40, ends=True)
    fast = PrioritizedColumnarReplay(1000, alpha=ALPHA)
    stock = PrioritizedEpisodeReplayBuffer(1000, alpha=ALPHA)
    fast.add([rollout])
    stock.add([as_stock(rollout)])
    for _ in range(30):  # Until every step has its own priority in both.
        prioritise(fast, fast.sample(num_items=40, n_step=1, beta=BETA).obs[:, 0])
        prioritise(stock, [e.get_observations(0)[0] for e in stock.sample(num_items=40, n_step=1, beta=BETA)])
    theirs = {
        int(e.get_observations(0)[0]): e.get_extra_model_outputs("weights")[0]
        for e in stock.sample(num_items=3000, n_step=1, beta=BETA)
    }
    batch = fast.sample(num_items=300, n_step=1, beta=BETA)
    assert len(theirs) == 40 and batch.prioritized
    for number, weight in zip(batch.obs[:, 0], batch.weights, strict=True):
        assert weight == pytest.approx(theirs[int(number)], rel=1e-5)
    # What is added now gets the greatest priority so far, in both.
    later = straight(5, start=100, continues=False)
    fast.add([later])
    stock.add([as_stock(later)])
    assert fast._max_priority == stock._max_priority
    assert fast._tree.total == pytest.approx(stock._sum_segment.sum())
    assert fast._tree.least == pytest.approx(stock._min_segment.min())


def test_draws_are_proportional_to_priority_to_the_alpha():
    buffer = PrioritizedColumnarReplay(1000, alpha=ALPHA)
    buffer.rng = np.random.default_rng(0)
    buffer.add([straight(20)])
    for _ in range(20):
        prioritise(buffer, buffer.sample(num_items=20, n_step=1).obs[:, 0])
    drawn = buffer.sample(num_items=50_000, n_step=1).obs[:, 0].astype(int)
    share = np.array([priority_of(n) for n in range(20)]) ** ALPHA
    expected = 50_000 * share / share.sum()
    statistic = float(((np.bincount(drawn, minlength=20) - expected) ** 2 / expected).sum())
    assert statistic < 43.82  # 0.999 quantile of chi-square with 19 degrees of freedom


def test_steps_too_near_to_the_end_are_drawn_anew_as_in_stock():
    buffer = PrioritizedColumnarReplay(1000)
    buffer.add([straight(10, ends=True)])
    batch = buffer.sample(num_items=500, n_step=3, gamma=0.5)
    assert set(batch.obs[:, 0]) == set(range(8))
    last = batch.obs[:, 0] == 7
    assert batch.terminateds[last].all() and not batch.terminateds[~last].any()
    np.testing.assert_allclose(batch.rewards[last], 7 + 0.5 * 8 + 0.25 * 9)
    assert buffer.get_metrics()["num_resamples"].peek() > 0
    with pytest.raises(ValueError, match="n_step=11"):
        buffer.sample(num_items=1, n_step=11)


@settings(max_examples=20, deadline=None)
@given(lengths=st.lists(st.integers(1, 300), min_size=1, max_size=25), capacity=st.integers(5, 700))
def test_priorities_stay_with_their_steps_while_the_ring_grows_and_turns(lengths, capacity):
    buffer = PrioritizedColumnarReplay(capacity)
    buffer.rng = np.random.default_rng(0)
    start, given_to = 0, {}
    for length in lengths:
        greatest = buffer._max_priority
        buffer.add([straight(length, start)])
        given_to |= dict.fromkeys(range(start, start + length), greatest)
        start += length
        numbers = buffer.sample(num_items=8, n_step=1).obs[:, 0].astype(int)
        prioritise(buffer, numbers)
        given_to |= {int(n): priority_of(int(n)) for n in numbers}
        held = range(max(0, start - capacity), start)
        assert buffer._tree.total == pytest.approx(sum(given_to[n] for n in held))
        assert buffer._tree.least == pytest.approx(min(given_to[n] for n in held))
    restored = PrioritizedColumnarReplay(capacity)
    restored.set_state(buffer.get_state())
    ours, theirs = (b.sample(num_items=64, n_step=1, beta=BETA) for b in (buffer, restored))
    np.testing.assert_array_equal(ours.obs, theirs.obs)
    np.testing.assert_allclose(ours.weights, theirs.weights)


def test_priorities_must_be_as_many_as_the_items():
    buffer = PrioritizedColumnarReplay(10)
    buffer.add([straight(5)])
    buffer.sample(num_items=4)
    with pytest.raises(ValueError, match="3 priorities for 4"):
        buffer.update_priorities(np.ones(3))


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.floats(0, 10), min_size=1, max_size=70), seed=st.integers(0, 99))
def test_the_tree_finds_what_a_running_sum_finds(values, seed):
    tree, array = SumTree(len(values)), np.array(values)
    tree.set(np.arange(len(values)), array)
    assert tree.total == pytest.approx(array.sum())
    assert tree.least == (array[array > 0].min() if (array > 0).any() else np.inf)
    if tree.total > 1e-6:
        targets = np.random.default_rng(seed).random(50) * tree.total
        sums = np.cumsum(array)
        clear = np.abs(targets[:, None] - sums[None]).min(axis=1) > 1e-9
        found = tree.find(targets)
        assert (array[found] > 0).all()
        np.testing.assert_array_equal(found[clear], np.searchsorted(sums, targets, side="right")[clear])
