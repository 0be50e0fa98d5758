"""What a sweep's monitor says of the time that is left."""

import time
from pathlib import Path

import pytest

from rlexp.storage.runs.trial_status import TrialStatus
from rlexp.storage.sweeps.seed_groups import SeedGroups
from rlexp.sweep.execution.monitor import SweepMonitor
from rlexp.sweep.folder import SweepFolder


def _monitor(folder: Path, budget: int | None, **statuses: TrialStatus) -> SweepMonitor:
    groups = SeedGroups(list(statuses), seeds=1, aggregate="mean")
    monitor = SweepMonitor(SweepFolder(folder), "train/return_mean", {}, statuses, groups, budget=budget)
    monitor.started_at = time.monotonic() - 10.0
    return monitor


def test_the_time_left_is_the_budgets_at_the_pace_so_far(tmp_path: Path) -> None:
    monitor = _monitor(tmp_path, 100, a=TrialStatus("running", env_steps=50), b=TrialStatus())
    assert monitor.seconds_left() == pytest.approx(30.0, rel=0.05)
    monitor.undrawn = 2
    assert monitor.seconds_left() == pytest.approx(70.0, rel=0.05)


def test_trials_that_end_before_their_budget_say_what_one_makes(tmp_path: Path) -> None:
    monitor = _monitor(
        tmp_path,
        10**9,
        a=TrialStatus("done", env_steps=40),
        b=TrialStatus("pruned", env_steps=10),
        c=TrialStatus(),
    )
    assert monitor.seconds_left() == pytest.approx(8.0, rel=0.05)


def test_nothing_is_said_before_a_step_was_made_or_of_trials_without_a_measure(tmp_path: Path) -> None:
    assert _monitor(tmp_path, 100, a=TrialStatus()).seconds_left() is None
    assert _monitor(tmp_path, None, a=TrialStatus("running", env_steps=50)).seconds_left() is None
    assert (
        _monitor(tmp_path, None, a=TrialStatus("done", env_steps=50), b=TrialStatus()).seconds_left()
        is not None
    )
