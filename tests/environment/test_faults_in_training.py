"""Faults 1 to 4 and 10 really caused in training: local and remote env runners, the fast path and RLlib's own."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from env_choices import TRUSTED, shipped
from rllib_runs import dqn, ppo

from rlexp.base.errors import ConfigError
from rlexp.config.schema import EnvChoice
from rlexp.engine.runners.fatal_errors import raise_if_broken
from rlexp.environment.env_errors import EnvBrokenError, NonFiniteError

pytestmark = pytest.mark.usefixtures("ray_for_runners")

BOUND_S = 60.0
MODES = [
    (0, "sync"),
    (0, "async"),
    *(pytest.param(2, mode, marks=pytest.mark.slow) for mode in ("sync", "async")),
]
ALGORITHMS = {"ppo": ppo, "dqn": dqn}
PATHS = [("ppo", "never"), ("ppo", "always"), ("dqn", "always")]
LOCAL = [(name, mode) for name in ALGORITHMS for mode in ("sync", "async")]


def crashing(**config: Any) -> EnvChoice:
    return EnvChoice(id="envs.testing.Crashing", config=config)


def train_until_error(algorithm: Any, iterations: int = 10) -> float:
    """Trains as the run loop does; returns seconds, whatever ends it is raised."""
    try:
        start = time.monotonic()
        for _ in range(iterations):
            algorithm.train()
            raise_if_broken(algorithm)
        return time.monotonic() - start
    finally:
        algorithm.stop()


@pytest.mark.parametrize(("runners", "mode"), MODES)
def test_single_failures_lose_no_batch_and_are_counted(runners: int, mode: str) -> None:
    count_single_failures("ppo", "never", runners, mode)


@pytest.mark.parametrize(("name", "mode"), LOCAL)
def test_single_failures_on_the_fast_path(name: str, mode: str) -> None:
    count_single_failures(name, "always", 0, mode)


def count_single_failures(name: str, fast: str, runners: int, mode: str) -> None:
    algorithm = ALGORITHMS[name](
        crashing(p_crash=0.03, p_crash_reset=0.05, length=1000),
        TRUSTED,
        fast=fast,
        num_env_runners=runners,
        num_envs_per_env_runner=4,
        gym_env_vectorize_mode=mode,
    )
    failures = sampled = 0
    try:
        for iteration in range(1, 4):
            results = algorithm.train()["env_runners"]
            sampled += int(results["num_env_steps_sampled"])
            assert 200 * iteration <= results["num_env_steps_sampled_lifetime"] == sampled <= 210 * iteration
            failures += int(results["env_failures"])
            # What is learned from has the steps that were counted.
            learned = algorithm.learner_group is not None and results["num_episodes"] > 0
            assert learned and np.isfinite(results["episode_return_mean"])
    finally:
        algorithm.stop()
    # 600 steps with 3 in 100 failing, about 45 resets with 5 in 100.
    assert 6 <= failures <= 45


@pytest.mark.parametrize(
    ("where", "runners", "mode"),
    [
        ("p_crash", 0, "sync"),
        ("p_crash", 0, "async"),
        ("p_crash_reset", 0, "sync"),
        ("p_crash_reset", 0, "async"),
        pytest.param("p_crash_reset", 1, "sync", marks=pytest.mark.slow),
        pytest.param("p_crash", 1, "sync", marks=pytest.mark.slow),
        pytest.param("p_crash", 2, "async", marks=pytest.mark.slow),
        pytest.param("p_crash_reset", 2, "async", marks=pytest.mark.slow),
    ],
)
def test_always_failing_ends_the_run_in_bounded_time(runners: int, mode: str, where: str) -> None:
    algorithm = ppo(
        crashing(**{where: 1.0}, silent=True),
        TRUSTED,
        num_env_runners=runners,
        num_envs_per_env_runner=2,
        gym_env_vectorize_mode=mode,
    )
    start = time.monotonic()
    with pytest.raises(EnvBrokenError) as caught:
        train_until_error(algorithm)
    assert time.monotonic() - start < BOUND_S
    assert "envs.testing.Crashing" in str(caught.value) and "failed 10 times in a row" in str(caught.value)
    assert "RuntimeError (it has no message) (testing.py:" in str(caught.value)
    assert "raise RuntimeError(*self._arguments)" in caught.value.trace
    assert ("of env runner" in str(caught.value)) == (runners > 0)


@pytest.mark.parametrize("where", ["p_crash", "p_crash_reset"])
@pytest.mark.parametrize(("name", "mode"), LOCAL)
def test_always_failing_on_the_fast_path(name: str, mode: str, where: str) -> None:
    algorithm = ALGORITHMS[name](
        crashing(**{where: 1.0}, silent=True), TRUSTED, fast="always", gym_env_vectorize_mode=mode
    )
    with pytest.raises(EnvBrokenError, match="failed 10 times in a row") as caught:
        train_until_error(algorithm)
    assert "raise RuntimeError(*self._arguments)" in caught.value.trace


@pytest.mark.parametrize(("name", "fast"), PATHS)
@pytest.mark.parametrize("runners", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_not_finite_ends_the_run_with_step_and_field(runners: int, name: str, fast: str) -> None:
    choice = EnvChoice(id="envs.testing.NotFinite", config={"at_step": 100})
    algorithm = ALGORITHMS[name](choice, TRUSTED, fast=fast, num_env_runners=runners)
    with pytest.raises(
        NonFiniteError, match=r"NotFinite.* returned nan in obs\[1\] at its step 100 \(step"
    ) as caught:
        train_until_error(algorithm)
    assert (caught.value.step, caught.value.field) == (100, "obs[1]")


@pytest.mark.parametrize(("name", "mode"), LOCAL)
def test_an_observation_of_another_shape_ends_the_run(name: str, mode: str) -> None:
    choice = EnvChoice(id="envs.testing.Misshapen", config={"at_step": 50})
    algorithm = ALGORITHMS[name](choice, TRUSTED, fast="always", gym_env_vectorize_mode=mode)
    with pytest.raises(EnvBrokenError, match=r"of shape \(1,\), not \(2,\), at its step 50"):
        train_until_error(algorithm)


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_one_broken_runner_among_good_ones_ends_the_run() -> None:
    choice = EnvChoice(id="envs.testing.BreaksOnRunner", config={"worker_index": 2})
    algorithm = ppo(choice, TRUSTED, num_env_runners=2)
    with pytest.raises(EnvBrokenError, match="of env runner 2"):
        train_until_error(algorithm)


@pytest.mark.parametrize("runners", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_evaluation_environments_are_guarded_too(runners: int) -> None:
    algorithm = ppo(
        EnvChoice(id="envs.testing.Crashing", config={"p_crash": 0.0}),
        TRUSTED,
        evaluation={
            "evaluation_interval": 1,
            "evaluation_duration": 2,
            "evaluation_num_env_runners": runners,
            "evaluation_config": {"env_config": {"config": {"p_crash": 1.0}}},
        },
    )
    start = time.monotonic()
    with pytest.raises(EnvBrokenError, match="failed 10 times in a row"):
        train_until_error(algorithm)
    assert time.monotonic() - start < BOUND_S


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_error_is_the_environments_own_when_rllib_does_not_restart_runners() -> None:
    from rlexp.environment.env_errors import fatal_cause

    algorithm = ppo(
        crashing(p_crash=1.0),
        TRUSTED,
        num_env_runners=1,
        fault_tolerance={"restart_failed_env_runners": False},
    )
    with pytest.raises(Exception, match="failed 10 times") as caught:
        train_until_error(algorithm)
    assert type(fatal_cause(caught.value)) is EnvBrokenError


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_dead_runner_process_is_not_taken_for_a_broken_environment() -> None:
    import ray

    soon = {"delay_between_env_runner_restarts_s": 0.1}  # RLlib waits a minute
    algorithm = ppo(shipped("cartpole"), TRUSTED, num_env_runners=2, fault_tolerance=soon)
    try:
        algorithm.train()
        ray.kill(algorithm.env_runner_group._worker_manager._actors[1], no_restart=False)
        algorithm.train()
        assert algorithm.env_runner_group.num_healthy_remote_env_runners() == 1
        deadline = time.monotonic() + 100
        while algorithm.env_runner_group.num_healthy_remote_env_runners() < 2 and time.monotonic() < deadline:
            raise_if_broken(algorithm)
            algorithm.train()
        assert algorithm.env_runner_group.num_healthy_remote_env_runners() == 2
    finally:
        algorithm.stop()


@pytest.mark.parametrize("name", ["frozenlake", "multiroom", "bipedal"])
def test_shipped_choices_train(name: str) -> None:
    algorithm = ppo(shipped(name), TRUSTED, num_envs_per_env_runner=2)
    try:
        assert algorithm.train()["env_runners"]["num_env_steps_sampled"] >= 200
    finally:
        algorithm.stop()


def test_environment_that_cannot_be_made_on_a_runner_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="takes no such argument"):
        ppo(EnvChoice(id="envs.testing.Corridor", config={"lenght": 3}), TRUSTED)
