"""Faults 5, 7 and 8 on the fast path: processes that crash or are killed, and what a new one is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from env_choices import TRUSTED
from rllib_runs import dqn, ppo

from rlexp.config.schema import EnvChoice
from rlexp.engine.runners.fatal_errors import raise_if_broken
from rlexp.environment.env_errors import EnvBrokenError
from rlexp.models.observation_filter import ObservationFilter

pytestmark = pytest.mark.usefixtures("local_rllib")

SOON = {"delay_between_env_runner_restarts_s": 0.1}


def killing(**config: Any) -> EnvChoice:
    return EnvChoice(id="envs.testing.KillsItsProcess", config=config)


@pytest.mark.parametrize("make", [ppo, dqn])
def test_7_a_crashed_environment_process_costs_one_step_and_is_counted(
    tmp_path: Path, make: Callable[..., Any]
) -> None:
    before = set(psutil.Process().children(recursive=True))
    algorithm = make(
        killing(at_step=30, done=str(tmp_path / "done")),
        TRUSTED,
        fast="always",
        num_envs_per_env_runner=3,
        gym_env_vectorize_mode="async",
    )
    try:
        told = [algorithm.train()["env_runners"] for _ in range(2)]
        ours = set(psutil.Process().children(recursive=True)) - before
        assert len([p for p in ours if p.status() != psutil.STATUS_ZOMBIE]) <= 4, "none of the old ones stays"
    finally:
        algorithm.stop()
    assert (tmp_path / "done").exists()
    assert [int(result["env_failures"]) for result in told] == [1, 0]
    assert all(200 <= int(result["num_env_steps_sampled"]) <= 204 for result in told)


def test_7_processes_that_always_crash_end_the_run_with_the_signal() -> None:
    algorithm = ppo(killing(at_step=1), TRUSTED, fast="always", gym_env_vectorize_mode="async")
    try:
        with pytest.raises(EnvBrokenError, match="died 10 times in a row.*process 0 was ended by signal 11"):
            algorithm.train()
    finally:
        algorithm.stop()


def test_after_a_crash_no_rollout_goes_on_from_before_it(tmp_path: Path) -> None:
    algorithm = ppo(
        killing(at_step=30, done=str(tmp_path / "done"), length=1000),
        TRUSTED,
        fast="always",
        num_envs_per_env_runner=2,
        gym_env_vectorize_mode="async",
    )
    try:
        cut, after = algorithm.env_runner.sample(num_timesteps=100)
    finally:
        algorithm.stop()
    assert (cut.num_steps, cut.continues, after.continues) == (30, False, False)
    # Twenty steps make an episode here, so the crash came in the second one.
    assert cut.truncated[19].all() and not cut.truncated[20:].any()
    assert after.started.tolist() == [0, 0] and len(cut) + len(after) >= 100


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_8_a_runner_made_anew_has_weights_and_filter_and_begins_a_new_stream(tmp_path: Path) -> None:
    """A native crash in a runner's own process, while the replay fills."""
    algorithm = dqn(
        killing(at_step=150, done=str(tmp_path / "done"), length=1000),
        TRUSTED,
        fast="always",
        observation_filter=True,
        fault_tolerance=SOON,
        num_env_runners=1,
        num_envs_per_env_runner=2,
    )
    seen: list[tuple[int, bool]] = []
    buffer = algorithm.local_replay_buffer
    add = buffer.add
    buffer.add = lambda rollouts: (seen.extend((r.runner, r.continues) for r in rollouts), add(rollouts))[1]
    try:
        group = algorithm.env_runner_group
        known, deadline = [0], time.monotonic() + 100
        while [c for _, c in seen].count(False) < 2 and time.monotonic() < deadline:
            algorithm.train()
            raise_if_broken(algorithm)
            known.append(filter_of(algorithm.env_runner)._all.n)
        assert (tmp_path / "done").exists() and group.num_healthy_remote_env_runners() == 1
        assert [c for _, c in seen].count(False) == 2, "the first rollout of each process"
        assert known == sorted(known), "what the filter had learnt before is not lost"
        algorithm.train()
        weights, mean, count = group.foreach_env_runner(state_of, local_env_runner=False)[0]
        own = filter_of(algorithm.env_runner)
        assert count >= own._all.n >= known[-1]
        np.testing.assert_allclose(mean, own._all.mean, atol=0.1)
        learner = algorithm.learner_group._learner.module["default_policy"].state_dict()
        assert all(np.isfinite(value).all() and name in learner for name, value in weights.items())
    finally:
        algorithm.stop()


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_5_a_runner_that_hangs_is_ended_and_replaced() -> None:
    hanging = EnvChoice(id="envs.testing.Slow", config={"step_s": 0.0, "hang_at": 150})
    algorithm = ppo(
        hanging,
        TRUSTED,
        fast="always",
        fault_tolerance=SOON,
        num_env_runners=1,
        num_envs_per_env_runner=2,
        sample_timeout_s=1,
    )
    try:
        first = algorithm.train()["env_runners"]["num_env_steps_sampled_lifetime"]
        found, deadline = first, time.monotonic() + 60
        while found == first and time.monotonic() < deadline:
            told = algorithm.train().get("env_runners", {})
            found = max(found, told.get("num_env_steps_sampled_lifetime", 0))
        assert found > first
    finally:
        algorithm.stop()


def filter_of(runner: Any) -> ObservationFilter:
    found: ObservationFilter = runner._env_to_module.connectors[0]
    return found


def state_of(runner: Any) -> tuple[dict[str, Any], Any, int]:
    piece = runner._env_to_module.connectors[0]
    return {k: v.numpy() for k, v in runner.module.state_dict().items()}, piece._all.mean, piece._all.n
