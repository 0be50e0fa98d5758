"""Environments stepped in their own vector form: next-step autoreset, faults, limits, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from env_choices import TRUSTED, shipped
from native_envs import HERE, Counters, counters, runner, stepped

from rlexp.base.errors import ConfigError
from rlexp.config.schema import EnvChoice
from rlexp.environment.env_errors import EnvBrokenError, NonFiniteError
from rlexp.environment.guards.vector_guard import VectorGuard
from rlexp.environment.guards.vector_infos import arrays_of
from rlexp.environment.info_keys import FAILURE, FAILURE_COUNT
from rlexp.environment.make import env_creator, make_env
from rlexp.environment.native_vector import check_native, make_native, native_form


def test_cartpole_is_stepped_as_its_own_vector_form_steps() -> None:
    """The fast runner's rows, replayed on Gymnasium's environment alone."""
    sampler = runner(shipped("cartpole", max_episode_steps=12), fast=True, num_envs=4)
    (rollout,) = sampler.sample(num_timesteps=200)
    (more,) = sampler.sample(num_timesteps=100)
    sampler.stop()
    plain = gymnasium.make_vec("CartPole-v1", 4, "vector_entry_point", max_episode_steps=12)
    observations, _ = plain.reset(seed=7)
    began = np.zeros(4, bool)
    truncations = terminations = 0
    for part in (rollout, more):
        np.testing.assert_array_equal(part.observations[0], observations)
        for t in range(part.num_steps):
            observations, rewards, terminated, truncated, _ = plain.step(part.actions[t])
            np.testing.assert_array_equal(part.observations[t + 1], observations)
            np.testing.assert_array_equal(part.valid[t], ~began)
            np.testing.assert_array_equal(part.rewards[t], rewards)
            np.testing.assert_array_equal(part.rewards[t], part.valid[t].astype(np.float32))
            np.testing.assert_array_equal(part.terminated[t], terminated)
            np.testing.assert_array_equal(part.truncated[t], truncated)
            began = terminated | truncated
            truncations, terminations = truncations + truncated.sum(), terminations + terminated.sum()
    assert truncations > 3 and terminations > 3
    assert more.continues and len(rollout) >= 200


def test_the_limit_of_the_id_applies_and_gives_way_to_the_choice_s() -> None:
    def first_end(choice: EnvChoice) -> int:
        vector = make_native(choice, TRUSTED, 2)
        state = vector.reset(seed=0)[0]
        for step in range(1, 1000):  # Angle, its speed and the cart's keep the pole up.
            state, _, terminated, truncated, _ = vector.step(
                (state @ [0.1, 0.5, 3.0, 1.0] > 0).astype(np.int64)
            )
            assert not terminated.any()
            if truncated.any():
                return step
        raise AssertionError("no end")

    assert first_end(shipped("cartpole")) == 500
    assert first_end(shipped("cartpole", max_episode_steps=60)) == 60


def test_same_seed_same_rollout_and_no_two_runners_alike() -> None:
    def sampled(worker_index: int) -> np.ndarray:
        sampler = runner(shipped("cartpole"), fast=True, worker_index=worker_index)
        sampler.module.load_state_dict(first.module.state_dict())
        found = sampler.sample(num_timesteps=60)[0].observations
        sampler.stop()
        return found

    first = runner(shipped("cartpole"), fast=True)
    np.testing.assert_array_equal(sampled(1), sampled(1))
    assert not np.isin(sampled(1)[0], sampled(2)[0]).any()
    first.stop()


def test_rllib_s_own_runner_gets_the_same_transitions() -> None:
    episodes = runner(counters(length=3), fast=False).sample(num_timesteps=20)
    assert sum(len(e) for e in episodes) >= 20
    done = [e for e in episodes if e.is_done]
    assert len(done) > 4
    for episode in done:
        seen = episode.get_observations()[:, 0]
        np.testing.assert_array_equal(
            np.diff(seen), 1
        )  # The last observation is the episode's, not the next one's first.
        assert seen[-1] == 3 and set(episode.get_rewards()) == {1.0} and episode.is_terminated


def test_what_is_handed_out_stays_as_it_was() -> None:
    rows = stepped(counters(length=4), 6, num_envs=1)
    assert [row[0][0, 0] for row in rows] == [0, 1, 2, 3, 4, 0, 1]
    assert [row[1][0] for row in rows[1:]] == [1, 1, 1, 1, 0, 1]
    assert rows[1][1].dtype == np.float64 and rows[1][4]["_count"].all()


def test_a_failed_step_truncates_what_was_running_and_begins_anew() -> None:
    # Environment 2 ends at vector step 2, so that it begins its next episode at the step that fails.
    rows = stepped(counters(length=4, crash_at=(3,)), 6)
    observations = np.array([row[0][:, 0] for row in rows])
    truncated = np.array([row[3] for row in rows])
    assert observations.tolist() == [
        [0, 1, 2],
        [1, 2, 3],
        [2, 3, 4],
        [2, 3, 2],  # the last good ones; environment 2's is the new one's first
        [0, 1, 2],
        [1, 2, 3],
        [2, 3, 4],
    ]
    assert truncated.nonzero()[0].tolist() == [3, 3] and truncated[3].tolist() == [True, True, False]
    assert rows[2][2].tolist() == [False, False, True] and not rows[3][2].any()
    assert (
        rows[3][1].tolist() == [0, 0, 0]
        and rows[4][1].tolist() == [0, 0, 0]
        and rows[5][1].tolist() == [1, 1, 1]
    )
    infos = rows[3][4]
    assert infos[FAILURE_COUNT].sum() == 1 and infos[f"_{FAILURE}"].tolist() == [True, True, False]
    assert "RuntimeError: the simulator crashed (native_envs.py:" in infos[FAILURE][0]


def test_failures_are_counted_by_either_runner_and_lose_nothing() -> None:
    for fast in (True, False):
        sampler = runner(counters(length=5, crash_at=(6, 7, 12)), fast=fast)
        sampled = sampler.sample(num_timesteps=60)
        assert sum(len(part) for part in sampled) in range(60, 63)
        metrics = sampler.get_metrics()
        assert metrics["env_failures"].peek() == 3
        sampler.stop()


def test_one_that_always_fails_ends_the_run_in_the_runner_that_has_it() -> None:
    sampler = runner(replace(counters(always=True), max_consecutive_failures=4), fast=True, worker_index=2)
    message = r"Counters\(always=True\) of env runner 2 failed 4 times in a row.*the simulator crashed"
    with pytest.raises(EnvBrokenError, match=message) as caught:
        sampler.sample(num_timesteps=10)
    assert "raise RuntimeError" in caught.value.trace
    assert sampler.fatal_error is caught.value


@pytest.mark.parametrize(("field", "told"), [("observation", r"obs\[1\]"), ("reward", "reward")])
@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_what_is_not_finite_is_told_with_its_place(field: str, told: str, bad: float) -> None:
    choice = counters(length=4, bad_at=6, bad=bad, field=field)
    with pytest.raises(
        NonFiniteError,
        # Three steps to the first end, then the reset, which is no step.
        match=rf"\(number 1 of its vector form\) returned {bad} in {told} at its step 5 \(step 2 of the episode\)",
    ) as caught:
        stepped(choice, 10)
    assert (caught.value.step, caught.value.episode_step) == (5, 2)
    Counters.lived = 0
    stepped(replace(choice, check_finite=False), 10)


def test_ending_an_episode_twice_breaks_the_contract() -> None:
    with pytest.raises(EnvBrokenError, match="ended episode 2 of the vector twice"):
        stepped(counters(endless=True), 10)


REFUSED = [
    ({"id": "Acrobot-v1"}, "hardware.gym_env_vectorize_mode", "no vector entry point for Acrobot-v1"),
    ({"id": "envs.testing.Corridor"}, "hardware.gym_env_vectorize_mode", "takes no num_envs"),
    (
        {"wrappers": [{"_target_": "envs.wrappers.ScaleReward"}]},
        "hardware.gym_env_vectorize_mode",
        "env.wrappers",
    ),
    ({"config": {"gravity": 3}}, "env.config.gravity", "takes no such argument"),
    ({"config": {"num_envs": 3}}, "env.config.num_envs", "hardware.num_envs_per_env_runner=3"),
    ({"max_episode_steps": 0}, "env.max_episode_steps", "at least 1"),
    (
        {"id": "native_envs.Counters", "max_episode_steps": 9},
        "env.max_episode_steps",
        "Counters, the vector form of native_envs.Counters, takes no max_episode_steps",
    ),
    (
        {"id": "native_envs.Counters", "config": {"autoreset": "SameStep"}},
        "hardware.gym_env_vectorize_mode",
        "resets environments by SameStep",
    ),
    (
        {"id": "ale_py:ALE/Pong-v5"},
        "hardware.gym_env_vectorize_mode",
        "its observation_space is Box(0, 255, (4, 84, 84), uint8) there",
    ),
    ({"vector_entry_point": "envs.testing.Corridor"}, "env.vector_entry_point", "takes no num_envs"),
    ({"vector_entry_point": "envs.testing.Corridr"}, "env.vector_entry_point", "envs.testing has no Corridr"),
]


@pytest.mark.parametrize(("fields", "key", "message"), REFUSED, ids=[r[2][:30] for r in REFUSED])
def test_what_has_no_such_form_is_refused(fields: dict[str, Any], key: str, message: str) -> None:
    choice = EnvChoice(**{"id": "CartPole-v1", **fields})
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        check_native(choice, HERE)
    assert caught.value.key == key
    assert native_form(choice, HERE) is None


def test_what_is_the_same_environment_is_named() -> None:
    assert native_form(shipped("cartpole"), TRUSTED) == "CartPoleVectorEnv"
    assert native_form(shipped("cartpole", max_episode_steps=30), TRUSTED) == "CartPoleVectorEnv"
    assert native_form(counters(), HERE) == "Counters"
    assert native_form(shipped("pendulum"), TRUSTED) is None


def test_a_vector_only_implementation_makes_single_environments_too() -> None:
    env = make_env(counters(length=2), HERE)
    assert env.observation_space.shape == (2,) and env.action_space == gymnasium.spaces.Discrete(2)
    assert env.reset(seed=1)[0][0] == 0
    first, second = env.step(0), env.step(np.int64(1))
    assert (first[0][0], first[1], first[2], first[4]["count"]) == (1, 1.0, False, 1)
    assert second[2] is True and env.reset()[0][0] == 0
    made = env_creator({"id": "native_envs.Counters", "trusted": HERE, "num_envs": 2, "worker_index": 3})
    assert isinstance(made, VectorGuard) and made.num_envs == 2 and "of env runner 3" in made.name


def test_infos_get_a_row_for_each_environment() -> None:
    told = arrays_of({"a": np.arange(2), "b": {"c": [1, 2]}, "d": "same", "_a": [True, False]}, 2)
    assert (
        told["_a"].tolist() == [True, False] and told["_d"].all() and told["d"].tolist() == ["same", "same"]
    )
    assert told["b"]["c"].tolist() == [1, 2] and told["b"]["_c"].all()


class FailsToReset(Counters):
    """Raises in its second reset."""

    resets = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        type(self).resets += 1
        if self.resets == 2:
            raise OSError("lost connection")
        return super().reset(seed=seed, options=options)


def test_one_that_cannot_be_reset_after_its_bound_is_replaced() -> None:
    FailsToReset.resets = 0
    guarded = VectorGuard(lambda: FailsToReset(num_envs=2, length=50), "fails to reset", max_steps=3)
    guarded.reset(seed=1)
    for _ in range(3):
        _, _, terminated, truncated, infos = guarded.step(np.zeros(2, np.int64))
    assert truncated.all() and not terminated.any()
    assert infos[FAILURE_COUNT].tolist() == [1, 0] and FAILURE not in infos
    assert guarded.step(np.zeros(2, np.int64))[0][:, 0].tolist() == [0, 1]
