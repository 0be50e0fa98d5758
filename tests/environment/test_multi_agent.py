"""Environments with several agents: their guard, and runs in which one policy acts for all."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_meetings import Crashing, Leaving
from harness import records, tiny, train_tiny

import rlexp
from envs.meeting import Meeting
from rlexp.base.errors import ConfigError
from rlexp.base.headline_metrics import METRICS
from rlexp.environment.env_errors import EnvBrokenError, NonFiniteError
from rlexp.environment.guards.multi_agent_guard import MultiAgentGuard
from rlexp.environment.info_keys import FAILURE, FAILURE_COUNT
from rlexp.environment.multi_agent import joined

TRUSTED = "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,bad_meetings]"
MEETING = ["env=gym", "env.id=envs.meeting.Meeting"]
BOTH = {"left": 1, "right": 1}
NOBODY_MOVES = {"left": 0, "right": 0}


def bad(name: str, *overrides: str) -> list[str]:
    return ["env=gym", f"env.id=bad_meetings.{name}", TRUSTED, *overrides]


def test_a_step_that_raises_ends_the_episode_of_all() -> None:
    guard = MultiAgentGuard(Meeting, "meeting")
    start, _ = guard.reset(seed=1)
    guard.step({"left": 1, "right": 0})
    broken = guard.env
    broken.step = lambda actions: 1 / 0
    observations, rewards, terminateds, truncateds, infos = guard.step(BOTH)
    assert guard.env is not broken
    assert {agent: seen.item() for agent, seen in observations.items()} == pytest.approx(
        {"left": 0.3, "right": 0.3}
    )
    assert rewards == {"left": 0.0, "right": 0.0} and infos == {}
    assert (terminateds["__all__"], truncateds["__all__"]) == (False, True)
    assert "ZeroDivisionError" in guard.last_info[FAILURE] and guard.last_info[FAILURE_COUNT] == 1
    assert guard.reset()[0] == start and guard.last_info == {}


def test_failures_without_end_and_numbers_that_are_none() -> None:
    guard = MultiAgentGuard(lambda: Crashing(at_reset=True), "meeting", max_consecutive_failures=3)
    with pytest.raises(EnvBrokenError, match="3 times in a row.*it has no message"):
        guard.reset()
    guard = MultiAgentGuard(Meeting, "meeting")
    guard.reset()
    guard.env._observe = lambda: {"left": np.array([np.nan], np.float32)}
    with pytest.raises(NonFiniteError, match=r"nan in obs\[0\] of left at its step 1"):
        guard.step(BOTH)


def test_agents_that_leave_one_by_one() -> None:
    guard = MultiAgentGuard(Leaving, "meeting")
    guard.reset()
    guard.step(BOTH)
    _, _, terminateds, _, _ = guard.step(BOTH)
    assert terminateds == {"left": True, "right": False, "__all__": False}
    _, _, terminateds, _, _ = guard.step({"right": 1})
    assert terminateds["__all__"]
    assert guard.last_info["success"] == 1.0  # `left` told it a step before the end


def test_a_limit_of_steps_truncates_for_all() -> None:
    guard = MultiAgentGuard(Meeting, "meeting", max_steps=2)
    guard.reset()
    assert not guard.step(NOBODY_MOVES)[3]["__all__"]
    observations, rewards, terminateds, truncateds, _ = guard.step(NOBODY_MOVES)
    assert truncateds["__all__"] and not terminateds["__all__"]
    assert set(observations) == set(rewards) == {"left", "right"}


def test_one_info_for_all_agents() -> None:
    infos = {
        "a": {"success": False, "progress": 0.5, "name": "x"},
        "b": {"success": True, "progress": 1.0, "name": "y"},
        "__common__": {"team": 3},
    }
    assert joined(infos) == {"success": 1.0, "progress": 0.75, "name": "x", "team": 3}
    assert joined({**infos, "__common__": {"success": False}})["success"] is False


def test_the_config_of_several_agents_travels() -> None:
    from ray.rllib.algorithms.ppo import PPOConfig

    from rlexp.run.building.multi_agent import with_shared_policy

    config = with_shared_policy(PPOConfig)
    for again in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert type(again) is type(config) and isinstance(again, PPOConfig)
        assert again.is_multi_agent and list(again.policies) == ["default_policy"]
    assert not PPOConfig().is_multi_agent


@pytest.mark.slow
@pytest.mark.landing
def test_a_run_with_two_agents_and_all_that_follows(tmp_path: Path) -> None:
    outcome = train_tiny([*MEETING, "callbacks=episode_stats"], tmp_path)
    lines = records(outcome.folder)
    last = lines[-1]
    # Whoever meets after n steps has 1 - 0.2 n in all; the sum over agents, not one's return.
    assert last["train/return_max"] == pytest.approx(0.6) and last["train/return_mean"] < 0.6
    assert {metric.name for metric in METRICS if "success" in metric.needs} <= {
        n for each in lines for n in each
    }
    assert last["train/success_rate"] > 0.5 and last["learner/entropy"] > 0
    assert last["eval/return_mean"] <= 0.6 + 1e-9
    assert not [name for name in last if "timer" in name]
    assert "several agents" in (outcome.folder / "log.txt").read_text()
    more = rlexp.resume(outcome.folder, ["stop.iterations=3"])
    assert more.error is None
    again = records(outcome.folder)
    assert again[: len(lines)] == lines and again[-1]["iteration"] == 3
    assert again[-1]["env_steps"] > last["env_steps"]
    metrics = rlexp.evaluate(outcome.folder, ["evaluation.evaluation_duration=3"])["metrics"]
    assert metrics["eval/episodes"] == 3
    policy, env = rlexp.load(outcome.folder), rlexp.make_env(outcome.folder)
    observations, _ = env.reset(seed=0)
    actions = dict(zip(observations, policy.act_batch(list(observations.values())), strict=True))
    assert actions["left"] == actions["right"] == policy.act([0.4])  # one policy, and they see the same
    assert set(env.step(actions)[0]) == {"left", "right"}


def test_1_steps_that_raise_are_counted_and_survived(tmp_path: Path) -> None:
    outcome = train_tiny(bad("Crashing", "env.config={p_crash: 0.05}"), tmp_path)
    assert sum(line["perf/env_failures"] for line in records(outcome.folder)) > 3


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (bad("Crashing", "env.config={p_crash: 1.0}"), "10 times in a row.*the simulator crashed"),
        (bad("Crashing", "env.config={at_reset: true}"), "10 times in a row.*RuntimeError"),
        (bad("Unequal"), r"observation spaces differ: 'left' has Box.* 'right' has Box"),
        (bad("Nobody"), "names no agents"),
        (bad("Whole"), "observations reach networks as they are"),
        (["env=gym", "env.id=bad_meetings:Meeting-v0", TRUSTED], "write: env.id=envs.meeting.Meeting"),
        (
            [
                *MEETING,
                "env.wrappers=[{_target_: gymnasium.wrappers.RescaleAction, min_action: 0, max_action: 1}]",
            ],
            "wraps environments of one agent",
        ),
        ([*MEETING, "env.wrappers=[{_target_: gymnasium.wrappers.TimeAwareObservation}]"], "of one agent"),
        ([*MEETING, "algorithm=dqn"], "only PPO, APPO and IMPALA"),
        ([*MEETING, "hardware.gym_env_vectorize_mode=async"], "one after another"),
        ([*MEETING, "env.observation_filter=MeanStdFilter"], "not filtered"),
        ([*MEETING, "metrics={s: {info: success}}"], "one agent's infos"),
        (
            [*MEETING, "model=lstm", "model.lstm_use_prev_reward=true"],
            "observations reach networks as they are",
        ),
        ([*MEETING, "fast=always"], "fast=always: several agents"),
        ([*MEETING, "hardware.gym_env_vectorize_mode=vector_entry_point"], "vector"),
    ],
)
def test_what_several_agents_cannot_have_is_refused_before_training(overrides: list[str], says: str) -> None:
    from rlexp.run.building.prepare import prepare

    with pytest.raises(ConfigError, match=says):
        prepare(tiny(*overrides))


def test_nan_in_training_ends_the_run_and_names_the_agent(tmp_path: Path) -> None:
    outcome = rlexp.train(
        tiny(f"runs_dir={tmp_path}", *bad("NotFinite"), "hardware.num_envs_per_env_runner=1")
    )
    assert "nan in obs[0] of right at its step 50" in str(outcome.error)


def test_hardware_auto_steps_them_one_after_another() -> None:
    from rlexp.run.building.prepare import prepare

    prepared: Any = prepare(rlexp.compose([*MEETING, "hardware=auto", "debug=tiny", "callbacks=none"]))
    assert prepared.config.hardware.settings["gym_env_vectorize_mode"] == "sync"


@pytest.mark.slow
def test_on_a_remote_runner_it_ends_the_run_too(tmp_path: Path, ray_session: None) -> None:
    remote = ["hardware=laptop", "hardware.num_env_runners=1", "hardware.num_cpus_for_main_process=0"]
    outcome = rlexp.train(tiny(f"runs_dir={tmp_path}", *bad("NotFinite"), *remote))
    assert "nan in obs[0] of right at its step 50" in str(outcome.error)


@pytest.mark.parametrize("overrides", [["model=lstm"], ["algorithm=appo"]])
@pytest.mark.slow
def test_other_networks_and_algorithms(overrides: list[str], tmp_path: Path, ray_session: None) -> None:
    outcome = train_tiny([*MEETING, *overrides], tmp_path)
    assert records(outcome.folder)[-1]["train/episodes"] > 0
    policy = rlexp.load(outcome.folder)
    assert [policy.act([0.4]) in (0, 1) for _ in range(3)] == [True] * 3
