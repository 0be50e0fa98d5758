"""A budget of env steps is kept to the training step, however long an iteration lasts otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from harness import records

PLAIN = ("env=cartpole", "tuned=none", "evaluation=none", "tracking=none", "hardware=local")
LONG = ("reporting.min_time_s_per_iteration=60", "reporting.min_sample_timesteps_per_iteration=100000")
BUDGET = 1_000


@pytest.mark.parametrize(
    ("algorithm", "at_once"),
    [
        (("algorithm=dqn", "hardware.num_envs_per_env_runner=4"), 4),
        (("algorithm=sac", "env=pendulum", "hardware.num_envs_per_env_runner=1"), 1),
        (("algorithm=impala", "hardware.num_envs_per_env_runner=2"), 100),
        (("algorithm=appo", "hardware.num_envs_per_env_runner=2"), 100),
    ],
)
def test_an_iteration_ends_where_the_budget_does(
    train: Callable[..., Any], algorithm: tuple[str, ...], at_once: int
) -> None:
    small = ("model=mlp", "model.fcnet_hiddens=[8]")
    done = train(*PLAIN, *algorithm, *small, *LONG, f"stop.env_steps={BUDGET}")
    (record,) = records(done.folder)
    assert BUDGET <= record["env_steps"] < BUDGET + at_once


def test_an_iteration_ends_where_the_budget_of_seconds_does(train: Callable[..., Any]) -> None:
    done = train(*PLAIN, "algorithm=dqn", *LONG, "stop.env_steps=null", "stop.wall_s=1")
    (record,) = records(done.folder)
    # A run's start-up counts, too, and an iteration is never without a step.
    assert record["env_steps"] > 0 and record["perf/iteration_s"] < 30


def test_resumed_with_a_longer_budget_it_ends_there(train: Callable[..., Any]) -> None:
    from rlexp.run.resume import resume

    done = train(*PLAIN, "algorithm=dqn", *LONG, f"stop.env_steps={BUDGET}", "name=a")
    done = resume(done.folder, [f"stop.env_steps={2 * BUDGET}"])
    assert [row["env_steps"] // BUDGET for row in records(done.folder)] == [1, 2]
    assert records(done.folder)[-1]["env_steps"] < 2 * BUDGET + 100


@pytest.mark.slow
def test_remote_runners_overshoot_by_what_is_on_its_way(train: Callable[..., Any]) -> None:
    remote = ("hardware.num_env_runners=2", "hardware.num_cpus_per_env_runner=0.5")
    few = "hardware.num_envs_per_env_runner=2"
    done = train(*PLAIN, *remote, few, "algorithm=impala", *LONG, f"stop.env_steps={6 * BUDGET}")
    (record,) = records(done.folder)
    assert 6 * BUDGET <= record["env_steps"] <= 7 * BUDGET
