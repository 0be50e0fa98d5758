"""The fast env runner samples what RLlib's samples: same seeds, same episodes, same metrics, same hooks."""

from functools import partial

import clockwork
import numpy as np
import pytest
import torch
import tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture
def through_torch(monkeypatch):
    """Both runners draw from torch's generator, so that they act alike."""
    from rlexp.engine.runners import fast_runner as env_runner

    monkeypatch.setattr(env_runner, "numpy_actor", lambda *_: None)


def runners(num_envs=3, callbacks=None, **env):
    from rlexp.engine.runners.fast_runner import FastEnvRunner
    from rlexp.engine.runners.guarded_runner import GuardedEnvRunner

    made, model, lookback = [], env.pop("model", {}), env.pop("lookback", 1)
    connector = env.pop("connector", None)
    for cls in (FastEnvRunner, GuardedEnvRunner):
        config = clockwork.config(cls, num_envs, **env)
        if callbacks:
            config.callbacks(callbacks)
        config.rl_module(model_config={"fcnet_hiddens": [8], **model})
        config.env_runners(episode_lookback_horizon=lookback)
        if connector:
            config.env_runners(env_to_module_connector=connector)
        made.append(cls(config=config, worker_index=0))
    fast, stock = made
    stock.module.load_state_dict(fast.module.state_dict())
    return fast, stock


def sampled(runner, calls, **options):
    from made_rollouts import episodes

    from rlexp.engine.rollout import Rollout

    torch.manual_seed(1)
    found = []
    for steps in calls:
        spaces = runner._env_to_module.observation_space, runner.env.single_action_space
        for item in runner.sample(num_timesteps=steps, **options):
            found += list(episodes(item, *spaces)) if isinstance(item, Rollout) else [item]
    return sorted(clockwork.canonical(episode) for episode in found)


@pytest.mark.slow
@pytest.mark.parametrize("observation", ["vector", "doubles", "bytes", "number", "dict"])
@pytest.mark.parametrize("action", [pytest.param("discrete", marks=pytest.mark.landing), "box", "multi"])
def test_same_episodes_for_every_kind_of_space(through_torch, observation, action):
    fast, stock = runners(observation=observation, action=action)
    assert sampled(fast, (20, 1, 7)) == sampled(stock, (20, 1, 7))


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple),
    calls=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    num_envs=st.integers(1, 4),
    explore=st.booleans(),
)
def test_same_episodes_wherever_they_end_and_are_cut(through_torch, lengths, calls, num_envs, explore):
    fast, stock = runners(num_envs, lengths=lengths)
    assert sampled(fast, calls, explore=explore) == sampled(stock, calls, explore=explore)


def test_same_metrics_as_rllibs_runner(through_torch):
    fast, stock = runners()
    told = []
    for runner in (fast, stock):
        sampled(runner, (20, 9))
        told.append({key: _value(stat) for key, stat in runner.get_metrics().items()})
    ours, theirs = told
    timed = {"sample", "time_between_sampling", "episode_duration_sec_mean", "env_to_module_connector"}
    timed |= {
        key for key in theirs if key.endswith("_timer") or "connector" in key or "_sum_episodes_" in key
    }
    assert {k: v for k, v in theirs.items() if k not in timed} == {
        k: v for k, v in ours.items() if k in theirs and k not in timed
    }
    assert all(ours[key] > 0 for key in ("__env_timer", "__inference_timer"))


def _value(stat):
    return {k: _value(v) for k, v in stat.items()} if isinstance(stat, dict) else stat.peek()


def test_whole_episodes_as_an_evaluation_asks_for_them(through_torch):
    fast, stock = runners()
    for _ in range(2):
        told = []
        for runner in (fast, stock):
            torch.manual_seed(1)
            runner.sample(num_episodes=5, explore=False)
            told.append({k: _value(v) for k, v in runner.get_metrics().items()})
        for key in ("num_episodes", "episode_return_mean", "episode_len_mean", "episode_return_max"):
            assert told[0][key] == told[1][key]


def test_a_forced_reset_starts_all_episodes_anew():
    fast, _ = runners(lengths=(9,))
    (first,) = fast.sample(num_timesteps=6)
    (second,) = fast.sample(num_timesteps=6)
    (third,) = fast.sample(num_timesteps=6, force_reset=True)
    assert [r.continues for r in (first, second, third)] == [False, True, False]
    assert second.started.tolist() == [2, 2, 2] and third.started.tolist() == [0, 0, 0]
    np.testing.assert_array_equal(first.observations[-1], second.observations[0])


def test_recurrent_states_start_afresh_with_each_episode(through_torch):
    fast, stock = runners(model={"use_lstm": True, "max_seq_len": 4, "lstm_cell_size": 4})
    assert sampled(fast, (20, 5)) == sampled(stock, (20, 5))
    (rollout,) = fast.sample(num_timesteps=30)
    begins = np.argwhere(~rollout.valid)
    assert len(begins)
    for leaf in tree.flatten(rollout.states):
        assert not any(leaf[row + 1, env].any() for row, env in begins)
    assert any(leaf[-1].any() for leaf in tree.flatten(rollout.states))


def _recorder(hooks):
    from ray.rllib.callbacks.callbacks import RLlibCallback

    calls = []

    def note(hook):
        def method(self, *, episode, env_index, prev_episode_chunks=(), **_):
            chunks = [*prev_episode_chunks, episode]
            total = sum(float(np.sum(chunk.get_rewards())) for chunk in chunks if len(chunk))
            info = episode.get_infos(-1) if episode.is_reset else {}
            seen = [len(chunk) for chunk in chunks], round(total, 3), sorted(info.items())
            calls.append((hook, env_index, episode.t, episode.is_done, *seen))

        return method

    return calls, type("Recorder", (RLlibCallback,), {hook: note(hook) for hook in hooks})


@pytest.mark.parametrize(
    "hooks",
    [
        ("on_episode_end",),
        ("on_episode_created", "on_episode_start", "on_episode_step", "on_episode_end"),
        ("on_episode_start", "on_episode_end"),
    ],
)
def test_hooks_are_called_as_rllib_calls_them(through_torch, hooks):
    calls, recorder = _recorder(hooks)
    heard = []
    for runner in runners(callbacks=recorder):
        calls.clear()
        sampled(runner, (7, 11, 2))
        heard.append(list(calls))
    assert heard[0] == heard[1] and len(heard[0]) > 5


def test_an_episode_of_a_hook_has_all_that_rllibs_has(through_torch):
    from ray.rllib.callbacks.callbacks import RLlibCallback

    kept = []

    class Keeper(RLlibCallback):
        def on_episode_end(self, *, episode, prev_episode_chunks, **_):
            kept.extend([*(chunk.to_numpy() for chunk in prev_episode_chunks), episode.to_numpy()])

    seen = []
    for runner in runners(callbacks=Keeper, lengths=(9, 2)):
        kept.clear()
        sampled(runner, (9, 30))
        seen.append(sorted(clockwork.canonical(episode) for episode in kept))
    assert seen[0] == seen[1]


def test_a_part_of_an_episode_looks_back_as_far_as_rllibs(through_torch):
    from ray.rllib.callbacks.callbacks import RLlibCallback

    reach, seen = (-1, -3, -6), []

    class LooksBack(RLlibCallback):
        def on_episode_end(self, *, episode, **_):
            rewards = [float(episode.get_rewards(i, neg_index_as_lookback=True, fill=-9.0)) for i in reach]
            actions = [int(episode.get_actions(i, neg_index_as_lookback=True, fill=-9)) for i in reach]
            looked = np.asarray(episode.get_observations(-1, neg_index_as_lookback=True, fill=-9.0)).ravel()
            seen.append((episode.t_started, np.round(rewards, 4).tolist(), actions, looked[0].round(4)))

    told = []
    for runner in runners(callbacks=LooksBack, lengths=(9, 2, 12), lookback=4):
        seen.clear()
        sampled(runner, (6, 3, 9, 30))
        told.append(list(seen))
    assert told[0] == told[1]
    assert any(-9 not in actions[:2] and actions[2] == -9 for _, _, actions, _ in told[0])


@pytest.mark.parametrize("learns", [True, False])
def test_filtered_observations_and_what_the_filter_learns(through_torch, learns):
    from rlexp.models.observation_filter import filtered

    fast, stock = runners(connector=partial(filtered, then=None, learns=learns))
    assert sampled(fast, (20, 1, 7)) == sampled(stock, (20, 1, 7))
    ours, theirs = (runner._env_to_module.connectors[0] for runner in (fast, stock))
    assert ours._all.n == theirs._all.n and (ours._all.n > 28 if learns else ours._all.n == 0)
    np.testing.assert_array_equal(ours._all.mean, theirs._all.mean)
    np.testing.assert_array_equal(ours._all.squares, theirs._all.squares)
