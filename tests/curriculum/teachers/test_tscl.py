"""TSCL's values and probabilities against figures worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlexp.curriculum.teachers.parts.indexed_tasks import number_of, task_at
from rlexp.curriculum.teachers.parts.score_windows import ScoreWindows
from rlexp.curriculum.teachers.tscl import TSCL
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

THREE = TaskSpace.of({"int": [1, 3]})


def told(teacher: TSCL, **scores: float | list[float]) -> bool:
    """One iteration's scores by task (`t0=1`)."""
    pairs = [(int(name[1:]), s) for name, many in scores.items() for s in np.atleast_1d(many)]
    return teacher.update(
        [Outcome(at + 1, 0, at, float(s), 0.0, 1) for at, s in pairs], TrainingProgress(0, 0)
    )


def chances(teacher: TSCL) -> list[float]:
    cdf = teacher.directive().cdf  # type: ignore[attr-defined]
    return np.diff(cdf, prepend=np.float32(0)).tolist()


def test_window_takes_slopes_and_ones_before_them() -> None:
    teacher = TSCL(THREE, seed=0, temperature=0.5, epsilon=0.1)
    assert not told(teacher, t0=0.0) and chances(teacher) == pytest.approx([1 / 3] * 3)
    told(teacher, t0=[0.0, 0.4], t1=1.0)  # mean 0.2 at time 2
    told(teacher, t0=0.7, t1=0.5)
    slopes = np.array([0.35, 0.5, 1.0])  # times 1, 2, 3 and 2, 3; the third is unseen; falling counts as well
    raised = np.exp(slopes / 0.5)
    assert chances(teacher) == pytest.approx(0.9 * raised / raised.sum() + 0.1 / 3, abs=1e-6)
    assert teacher.metrics()["value_max"] == 1.0 and teacher.metrics()["seen"] == 2


def test_window_forgets_old_scores() -> None:
    teacher = TSCL(THREE, seed=0, window=2)
    for score in (0.0, 1.0, 1.0):
        told(teacher, t0=score, t1=score, t2=score)
    assert teacher.metrics()["value_max"] == 0 and chances(teacher) == pytest.approx([1 / 3] * 3)


def test_online_averages_changes() -> None:
    teacher = TSCL(THREE, seed=0, variant="online", temperature=0.1, epsilon=0.0)
    told(teacher, t0=0.5)  # 0.1 * (0.5 - 0)
    told(teacher, t0=0.2, t1=0.1)  # 0.05 + 0.1 * (-0.3 - 0.05); 0.01
    values = np.array([0.015, 0.01, 0.0])
    raised = np.exp(values / 0.1)
    assert chances(teacher) == pytest.approx(raised / raised.sum(), abs=1e-6)


def test_temperature_zero_takes_the_best_and_shares_ties() -> None:
    teacher = TSCL(THREE, seed=0, variant="online", temperature=0, epsilon=0.3)
    told(teacher, t0=0.5, t1=0.5, t2=0.1)
    assert chances(teacher) == pytest.approx([0.45, 0.45, 0.1], abs=1e-6)


def test_sampling_tries_all_and_then_draws_from_changes() -> None:
    teacher = TSCL(THREE, seed=0, variant="sampling", epsilon=0.0)
    told(teacher, t0=0.9)
    assert chances(teacher) == pytest.approx([0.0, 0.5, 0.5])
    told(teacher, t0=0.9, t1=0.5, t2=0.3)  # changes: [0.9, 0], [0.5], [0.3]
    first, second, third = chances(teacher)
    assert 0.1 < first < 0.9 and second == pytest.approx(1 - first, abs=1e-6) and third == 0


def test_sampling_shares_draws_of_zeros_by_all() -> None:
    teacher = TSCL(THREE, seed=0, variant="sampling", epsilon=0.0)
    told(teacher, t0=0.0, t1=0.0, t2=0.0)
    assert chances(teacher) == pytest.approx([1 / 3] * 3, abs=1e-6)


def test_scores_are_scaled_and_clipped() -> None:
    teacher = TSCL(THREE, seed=0, variant="online", score_range=[-100, 100], alpha=1.0)
    told(teacher, t0=-50, t1=1000, t2=-200)
    assert teacher.state_dict()["values"].tolist() == [0.25, 1.0, 0.0]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12), st.integers(2, 5))
def test_slopes_are_those_of_a_least_squares_fit(scores: list[float], size: int) -> None:
    windows, tasks = ScoreWindows(2, size), np.array([1])
    for time, score in enumerate(scores):
        windows.add(tasks, 3.0 * time, np.array([score]))
    last = scores[-size:]
    times = 3.0 * np.arange(len(scores))[-size:]
    assert windows.slopes(np.array([0, 1])) == pytest.approx([0, np.polyfit(times, last, 1)[0]], abs=1e-9)
    assert windows.means(np.array([0, 1])) == pytest.approx([0, np.mean(last)])


@pytest.mark.parametrize(
    "spec", [{"a": {"int": [2, 4]}, "b": {"choice": ["x", 1, True]}, "c": {"levels": 2}}, {"levels": 7}]
)
def test_task_numbers_follow_the_list_of_tasks(spec: Any) -> None:
    space = TaskSpace.of(spec)
    assert [repr(task_at(space, at)) for at in range(space.size or 0)] == [
        repr(task) for task in space.tasks()
    ]
    assert [number_of(space, task) for task in space.tasks()] == list(range(space.size or 0))
