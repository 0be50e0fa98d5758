"""The columnar replay against RLlib's own, on the same episodes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.rllib.env.single_agent_episode import SingleAgentEpisode
from ray.rllib.utils.replay_buffers.episode_replay_buffer import EpisodeReplayBuffer

from rlexp.engine.replay.uniform import ColumnarReplay
from rlexp.engine.rollout import Rollout

GAMMA = 0.9


class Streams:
    """Synthetic experience whose observations are numbered, as rollouts and as the episodes they stand for."""

    def __init__(self, seed: int, num_envs: int, runner: int = 0, end: float = 0.2) -> None:
        self.rng, self.num_envs, self.runner, self.end = np.random.default_rng(seed), num_envs, runner, end
        self.next_number = runner * 1_000_000
        self.row = self._numbers()
        self.resetting = np.zeros(num_envs, bool)
        self.episodes: list[list[dict]] = [[_episode(o)] for o in self.row]

    def _numbers(self) -> np.ndarray:
        first, self.next_number = self.next_number, self.next_number + self.num_envs
        return np.arange(first, first + self.num_envs)

    def restart(self) -> None:
        """The runner comes back: nothing goes on."""
        self.row, self.resetting = self._numbers(), np.zeros(self.num_envs, bool)
        for env, number in enumerate(self.row):
            self.episodes[env].append(_episode(number))

    def rollout(self, steps: int, continues: bool = True) -> Rollout:
        shape = (steps, self.num_envs)
        rows, valid = [self.row], np.zeros(shape, bool)
        terminated, truncated = np.zeros(shape, bool), np.zeros(shape, bool)
        rewards = self.rng.normal(size=shape).astype(np.float32)
        actions = self.rng.integers(5, size=shape)
        for t in range(steps):
            following = self._numbers()
            for env in range(self.num_envs):
                if self.resetting[env]:
                    self.episodes[env].append(_episode(following[env]))
                    self.resetting[env] = False
                    continue
                valid[t, env] = True
                draw = self.rng.random()
                terminated[t, env] = draw < self.end / 2
                truncated[t, env] = self.end / 2 <= draw < self.end
                self.resetting[env] = draw < self.end
                episode = self.episodes[env][-1]
                episode["obs"].append(following[env])
                episode["actions"].append(actions[t, env])
                episode["rewards"].append(rewards[t, env])
                episode["terminated"], episode["truncated"] = terminated[t, env], truncated[t, env]
            rows.append(following)
        self.row = rows[-1]
        observations = np.stack(rows).astype(np.float32)[..., None]
        return Rollout(
            observations,
            actions,
            rewards,
            terminated,
            truncated,
            valid,
            runner=self.runner,
            continues=continues,
        )

    def stock_episodes(self) -> list[SingleAgentEpisode]:
        return [_stock(e) for episodes in self.episodes for e in episodes if e["rewards"]]


def _episode(number: int) -> dict:
    return {"obs": [number], "actions": [], "rewards": [], "terminated": False, "truncated": False}


def _stock(episode: dict) -> SingleAgentEpisode:
    return SingleAgentEpisode(
        observations=[np.array([o], np.float32) for o in episode["obs"]],
        actions=[int(a) for a in episode["actions"]],
        rewards=[float(r) for r in episode["rewards"]],
        terminated=bool(episode["terminated"]),
        truncated=bool(episode["truncated"]),
        len_lookback_buffer=0,
    )


def expected(streams: list[Streams], n_step: int) -> dict[int, tuple]:
    """What stock gives for each first observation: by the very slice that its `_sample_episodes` takes."""
    found = {}
    for stream in streams:
        for episode in stream.stock_episodes():
            for t in range(len(episode)):
                part = episode.slice(slice(t, t + n_step))
                reward = sum(GAMMA**i * r for i, r in enumerate(part.get_rewards()))
                number = int(part.get_observations(0)[0])
                last = int(part.get_observations(-1)[0])
                action = int(part.get_actions(0))
                found[number] = (last, action, reward, part.is_terminated, part.is_truncated)
    return found


def check(batch, expectation: dict[int, tuple]) -> None:
    for i in range(len(batch)):
        last, action, reward, terminated, truncated = expectation[int(batch.obs[i, 0])]
        assert int(batch.new_obs[i, 0]) == last
        assert batch.actions[i] == action
        assert batch.rewards[i] == pytest.approx(reward, abs=1e-5)
        assert (batch.terminateds[i], batch.truncateds[i]) == (terminated, truncated)


plans = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6), st.booleans()), min_size=1, max_size=12)


def play(plan, seed: int) -> tuple[list[Streams], list[Rollout]]:
    streams = [Streams(seed + runner, num_envs=runner + 1, runner=runner) for runner in range(3)]
    started, rollouts = set(), []
    for runner, steps, restart in plan:
        restart = restart and runner in started
        if restart:
            streams[runner].restart()
        rollouts.append(streams[runner].rollout(steps, continues=runner in started and not restart))
        started.add(runner)
    return streams, rollouts


@settings(max_examples=25, deadline=None)
@given(plan=plans, seed=st.integers(0, 1000), n_step=st.integers(1, 5))
def test_every_item_is_one_that_stock_could_give_and_all_of_them_come(plan, seed, n_step):
    streams, rollouts = play(plan, seed)
    buffer = ColumnarReplay(10_000)
    buffer.rng = np.random.default_rng(seed)
    for rollout in rollouts:
        buffer.add([rollout])
    expectation = expected(streams, n_step)
    assert len(buffer) == len(expectation)
    if not expectation:
        return
    batch = buffer.sample(num_items=40 * len(expectation), n_step=n_step, gamma=GAMMA)
    check(batch, expectation)
    assert {int(o) for o in batch.obs[:, 0]} == set(expectation)
    assert (batch.n_step == n_step).all() and (batch.weights == 1).all()


@settings(max_examples=20, deadline=None)
@given(plan=plans, seed=st.integers(0, 1000), capacity=st.integers(1, 40))
def test_a_full_buffer_holds_the_newest_steps(plan, seed, capacity):
    # With several runners it is the age of a step's observation that counts.
    streams, rollouts = play([(1, steps, restart) for _, steps, restart in plan], seed)
    buffer, order = ColumnarReplay(capacity), []
    for rollout in rollouts:
        buffer.add(rollout)
        order += [int(o) for o in rollout.observations[:-1, :, 0][rollout.valid]]
        assert len(buffer) == min(capacity, len(order))
    if order:
        batch = buffer.sample(num_items=60 * capacity, n_step=2, gamma=GAMMA)
        assert {int(o) for o in batch.obs[:, 0]} == set(order[-capacity:])
        check(batch, expected(streams, 2))


def test_n_step_targets_equal_those_of_the_stock_buffer():
    stream = Streams(3, num_envs=2)
    rollouts = [stream.rollout(7, continues=i > 0) for i in range(5)]
    fast, stock = ColumnarReplay(1000), EpisodeReplayBuffer(1000)
    fast.add(rollouts)
    stock.add(stream.stock_episodes())
    assert len(fast) == len(stock)
    by_observation = {}
    for item in stock.sample(num_items=600, n_step=2, gamma=GAMMA, sample_episodes=True):
        found = item.get_observations(-1)[0], item.get_actions(0), item.get_rewards(0), item.is_terminated
        by_observation[int(item.get_observations(0)[0])] = (*found, item.is_truncated)
        assert item.extra_model_outputs["n_step"][0] == 2
    check(fast.sample(num_items=300, n_step=2, gamma=GAMMA), by_observation)


def test_sampling_is_uniform():
    stream = Streams(1, num_envs=4)
    buffer = ColumnarReplay(50)
    buffer.rng = np.random.default_rng(0)
    for i in range(30):
        buffer.add(stream.rollout(3, continues=i > 0))
    drawn = buffer.sample(num_items=100_000).obs[:, 0]
    counts = np.unique(drawn, return_counts=True)[1]
    assert len(counts) == 50
    statistic = float(((counts - 2000) ** 2 / 2000).sum())
    assert statistic < 85.35  # 0.999 quantile of chi-square with 49 degrees of freedom


def test_a_range_of_n_is_drawn_for_each_item_without_its_upper_end():
    stream = Streams(1, num_envs=2, end=0.0)
    buffer = ColumnarReplay(500)
    buffer.add(stream.rollout(100))
    batch = buffer.sample(num_items=400, n_step=(1, 4), gamma=GAMMA)
    assert set(batch.n_step) == {1, 2, 3}
    for n in (1, 2, 3):
        chosen = batch.n_step == n
        expectation = expected([stream], n)
        assert all(
            int(batch.new_obs[i, 0]) == expectation[int(batch.obs[i, 0])][0] for i in np.flatnonzero(chosen)
        )


def test_dtypes_and_nested_observations_are_kept():
    pixels = np.arange(4 * 2 * 3 * 3, dtype=np.uint8).reshape(4, 2, 3, 3)
    observations = {"image": pixels, "place": pixels[..., 0].astype(np.float64)}
    flags = np.zeros((3, 2), bool)
    actions = np.linspace(0, 1, 6, dtype=np.float32).reshape(3, 2, 1)
    rollout = Rollout(observations, actions, np.ones((3, 2), np.float32), flags, flags, ~flags)
    buffer = ColumnarReplay(100)
    buffer.add(rollout)
    batch = buffer.sample(num_items=50)
    assert batch.obs["image"].dtype == np.uint8 and batch.obs["place"].dtype == np.float32
    assert batch.actions.shape == (50, 1) and batch.actions.dtype == np.float32
    assert (batch.new_obs["image"].astype(int) - batch.obs["image"] == 18).all()


@pytest.mark.parametrize("rollouts", [1, 60])
def test_state_comes_back_and_goes_on_without_joining_old_streams(rollouts):
    stream = Streams(5, num_envs=3)
    buffer, restored = ColumnarReplay(120), ColumnarReplay(120)
    for i in range(rollouts):
        buffer.add(stream.rollout(4, continues=i > 0))
    restored.set_state(buffer.get_state())
    assert len(restored) == len(buffer) and restored.get_num_episodes() == buffer.get_num_episodes()
    for n_step in (1, 3):
        ours, theirs = (b.sample(num_items=64, n_step=n_step) for b in (buffer, restored))
        for name, column in ours.columns().items():
            np.testing.assert_array_equal(column, theirs.columns()[name])
    stream.restart()
    restored.add(stream.rollout(30))  # Says that it goes on; its stream began anew all the same.
    check(restored.sample(num_items=500, n_step=2, gamma=GAMMA), expected([stream], 2))


def test_metrics_have_the_stock_names_and_values():
    stream = Streams(7, num_envs=2)
    fast, stock = ColumnarReplay(1000), EpisodeReplayBuffer(1000)
    fast.add([stream.rollout(20)])
    stock.add(stream.stock_episodes())
    fast.sample(num_items=8, n_step=1)
    stock.sample(num_items=8, n_step=1, sample_episodes=True)
    ours, theirs = fast.get_metrics(), stock.get_metrics()
    assert set(ours) <= set(theirs)
    for name in (
        "num_env_steps_added",
        "num_episodes_added",
        "num_env_steps_stored",
        "num_env_steps_sampled",
    ):
        if name in theirs:
            assert ours[name].peek() == theirs[name].peek(), name


def test_what_cannot_be_done_is_refused():
    buffer = ColumnarReplay(10)
    with pytest.raises(ValueError, match="empty"):
        buffer.sample(num_items=1)
    with pytest.raises(ValueError, match="sequences"):
        buffer.sample(num_items=1, batch_length_T=4)
    with pytest.raises(ValueError, match="RLlib's own"):
        buffer.set_state(EpisodeReplayBuffer(10).get_state())
