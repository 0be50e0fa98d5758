"""What a sweep's course says of the time that is left."""

import time
from pathlib import Path

import pytest

from rlexp.storage.runs.seeds import SeedGroups
from rlexp.storage.runs.trial_status import Standing
from rlexp.sweep.execution.monitor import Course
from rlexp.sweep.folder import SweepFolder


def _course(folder: Path, budget: int | None, **told: Standing) -> Course:
    groups = SeedGroups(list(told), seeds=1, aggregate="mean")
    course = Course(SweepFolder(folder), "train/return_mean", {}, told, groups, budget=budget)
    course.began = time.monotonic() - 10.0
    return course


def test_the_time_left_is_the_budgets_at_the_pace_so_far(tmp_path: Path) -> None:
    course = _course(tmp_path, 100, a=Standing("running", env_steps=50), b=Standing())
    assert course.left_s() == pytest.approx(30.0, rel=0.05)
    course.to_come = 2
    assert course.left_s() == pytest.approx(70.0, rel=0.05)


def test_trials_that_end_before_their_budget_say_what_one_makes(tmp_path: Path) -> None:
    course = _course(
        tmp_path, 10**9, a=Standing("done", env_steps=40), b=Standing("pruned", env_steps=10), c=Standing()
    )
    assert course.left_s() == pytest.approx(8.0, rel=0.05)


def test_nothing_is_said_before_a_step_was_made_or_of_trials_without_a_measure(tmp_path: Path) -> None:
    assert _course(tmp_path, 100, a=Standing()).left_s() is None
    assert _course(tmp_path, None, a=Standing("running", env_steps=50)).left_s() is None
    assert _course(tmp_path, None, a=Standing("done", env_steps=50), b=Standing()).left_s() is not None
