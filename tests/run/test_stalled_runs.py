"""A run that samples nothing any more ends, but not while its runners are being started anew."""

from __future__ import annotations

import time

import pytest
from ray.rllib.algorithms.ppo import PPOConfig

from rlexp.base.errors import RunFailedError
from rlexp.run.health import STALLED_ITERATIONS, STALLED_S, StallWatch, stall_patience_s


def test_iterations_without_a_step_end_the_run_once_the_patience_is_over() -> None:
    watch = StallWatch(patience_s=0.1)
    watch.update(10)
    for _ in range(2 * STALLED_ITERATIONS):  # Short ones, as while all runners are restarting.
        watch.update(0)
    time.sleep(0.15)
    with pytest.raises(RunFailedError, match=f"in {2 * STALLED_ITERATIONS + 1} iterations"):
        watch.update(0)


def test_a_step_starts_the_patience_anew() -> None:
    watch = StallWatch(patience_s=0.0)
    for new in (0, 0, 1, 0, 0, 1):
        watch.update(new)


@pytest.mark.parametrize(
    ("runners", "restarted", "waits", "patience"),
    [(0, True, True, 0.0), (1, False, True, 0.0), (1, False, False, STALLED_S), (2, True, True, 70.0)],
)
def test_runners_that_are_restarted_have_their_time(
    runners: int, restarted: bool, waits: bool, patience: float
) -> None:
    config = PPOConfig().env_runners(num_env_runners=runners)
    config.fault_tolerance(restart_failed_env_runners=restarted, env_runner_restore_timeout_s=70)
    assert stall_patience_s(config, waits) == patience
