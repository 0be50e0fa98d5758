"""Arithmetic of the progress display."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbacks.pace import Pace, figure
from rlexp.base.durations import duration


def test_pace_of_a_budget_of_steps() -> None:
    pace = Pace({"env_steps": 1000}, started=10.0)
    assert pace.seconds_left(11.0) is None and pace.steps_per_s() is None and pace.fraction(11.0) == 0.0
    pace.add({"env_steps": 200, "iteration": 1, "train/return_mean": 5}, 12.0)
    assert pace.steps_per_s() == 100 and pace.fraction(12.0) == 0.2
    assert pace.seconds_left(12.0) == 8.0 and pace.seconds_left(15.0) == 5.0, (
        "time left runs down between iterations"
    )
    assert pace.seconds_left(99.0) == 0.0


def test_a_resumed_run_counts_only_its_own_time() -> None:
    pace = Pace({"env_steps": 1000, "iterations": 10}, started=0.0, env_steps=600)
    pace.add({"env_steps": 700, "iteration": 7}, 1.0)
    assert pace.steps_per_s() == 100
    assert pace.seconds_left(1.0) == 3.0, "3 iterations of a second, 300 steps at 100 a second"


def test_the_budget_that_ends_first_tells_the_time_left() -> None:
    pace = Pace({"env_steps": 10_000, "iterations": 3, "wall_s": 60.0}, started=0.0)
    pace.add({"env_steps": 100, "iteration": 1, "perf/wall_s": 1.0}, 1.0)
    assert pace.seconds_left(1.0) == 2.0
    assert pace.budget() == ("steps", 100.0, 10_000.0)


def test_time_as_the_budget_moves_between_iterations() -> None:
    pace = Pace({"env_steps": None, "wall_s": 100.0}, started=0.0)
    pace.add({"env_steps": 1, "iteration": 1, "perf/wall_s": 40.0}, 40.0)
    assert pace.fraction(50.0) == 0.5 and pace.seconds_left(50.0) == 50.0


def test_without_a_budget_nothing_is_guessed() -> None:
    pace = Pace({}, started=0.0)
    pace.add({"env_steps": 1, "iteration": 1}, 1.0)
    assert pace.budget() is None and pace.fraction(2.0) is None and pace.seconds_left(2.0) is None


def test_the_last_finite_figure_stays() -> None:
    pace = Pace({}, started=0.0)
    pace.add({"env_steps": 1, "iteration": 1, "eval/return_mean": 3.0}, 1.0)
    pace.add({"env_steps": 2, "iteration": 2, "eval/return_mean": float("nan")}, 2.0)
    assert pace.value("eval/return_mean") == 3.0 and pace.value("train/return_mean") is None


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(0.0, 1e4)), max_size=30), st.integers(1, 10**7))
def test_any_course_gives_sane_figures(course: list[tuple[int, float]], budget: int) -> None:
    pace = Pace({"env_steps": budget}, started=0.0)
    steps, now = 0, 0.0
    for index, (more, seconds) in enumerate(course):
        steps, now = steps + more, now + seconds
        pace.add({"env_steps": steps, "iteration": index + 1}, now)
        assert 0.0 <= (pace.fraction(now) or 0.0) <= 1.0
        assert (pace.seconds_left(now) or 0.0) >= 0.0 and (pace.steps_per_s() or 0.0) >= 0.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3725, "1 h 02 min"), (90_000, "1 d 01 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.0"),
        (45.23, "45.2"),
        (-3.456, "-3.46"),
        (12345.6, "12,346"),
        (0.00012, "0.00012"),
        (999.97, "1000.0"),
    ],
)
def test_figures(value: float, text: str) -> None:
    assert figure(value) == text
