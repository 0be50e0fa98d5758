"""Thrashing and stalling are told, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from harness import choices, records, train_tiny
from task_functions import LAKES
from test_curriculum_choices import ENVS, GIVEN, TRUSTED

import rlexp
from rlexp.curriculum.alarms import STILL, WINDOW, Alarms, level
from rlexp.curriculum.build import curriculum_of
from rlexp.curriculum.curriculum import Curriculum
from rlexp.curriculum.simulation.student import Student
from rlexp.environment.tasks.directive import Everywhere, Fixed
from rlexp.environment.tasks.outcome import SIGNALS, Outcome, evaluated
from rlexp.environment.tasks.space import TaskSpace

SPACE = TaskSpace.of({"int": [0, 4]})


def looked(levels: list[float], score: float | None = None) -> Alarms:
    """After these levels, each with `score`, or with one that is low where the level is high."""
    alarms = Alarms()
    for at in levels:
        alarms.observe(at, 1.0 - at if score is None else score)
    return alarms


def test_levels() -> None:
    assert level(Fixed(4), SPACE) == 1.0 and level(Fixed(0), SPACE) == 0.0
    assert level(Everywhere(SPACE), SPACE) == pytest.approx(0.5, abs=0.1)
    maps = TaskSpace.of({"map": {"choice": ["easy", "hard", "harder"]}, "wind": {"box": [0, 10]}})
    at = [level(Fixed({"map": name, "wind": 5.0}), maps) for name in ("easy", "hard", "harder")]
    assert at == pytest.approx([0.25, 0.5, 0.75])


def test_up_and_down_again_is_thrashing_until_it_is_over() -> None:
    alarms = looked([0.0, 0.25, 0.5, 0.0] * 4)
    assert alarms.thrashing
    for _ in range(WINDOW):
        alarms.observe(0.5, 0.5)
    assert not alarms.thrashing


@pytest.mark.parametrize(
    "levels",
    [
        [i / 100 for i in range(100)],
        [0.5 + 0.04 * (-1) ** i for i in range(200)],  # jitter
        [0.0] * 50 + [0.5] * 50 + [0.25] * 50 + [0.75] * 50,
        ([0.0] * 40 + [1.0] * 40) * 8,  # slow swings
    ],
)
def test_a_curriculum_that_moves_on_is_none(levels: list[float]) -> None:
    assert not looked(levels).thrashing


def test_tasks_that_change_while_the_score_stays_are_none() -> None:
    assert not looked([0.0, 1.0] * 40, score=0.0).thrashing
    assert not looked([0.0, 1.0] * 40, score=0.7).thrashing


def test_it_is_told_once() -> None:
    alarms, told = Alarms(), []
    for i in range(60):
        alarms.observe(i % 2, 1 - i % 2)
        told += alarms.new
    assert len(told) == 1 and "thrashes" in told[0]


def test_nothing_but_failure_on_the_same_tasks_is_a_stall() -> None:
    assert looked([0.5] * STILL, score=0.0).stalled
    assert not looked([0.5] * (STILL - 1), score=0.0).stalled
    assert not looked([0.5] * 200, score=0.2).stalled
    assert not looked([i / 200 for i in range(200)], score=0.0).stalled
    alarms = looked([0.5] * 30, score=0.0)
    alarms.observe(0.5, 0.9)
    assert not alarms.stalled
    # A return whose worst is far below 0 is judged by what has been seen.
    returns = looked([0.5], score=-10.0)
    for _ in range(STILL):
        returns.observe(0.5, -500.0)
    assert returns.stalled


def test_a_state_goes_on() -> None:
    whole, first = looked([0.0, 1.0] * 20), looked([0.0, 1.0] * 2)
    second = Alarms()
    second.restore(first.state())
    for at in [0.0, 1.0] * 18:
        second.observe(at, 1.0 - at)
    assert second.state() == whole.state()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in choices("curriculum") if name != "none"])
def test_no_teacher_thrashes_on_a_student_that_learns(name: str) -> None:
    curriculum = curriculum_named(name)
    student, rng = Student(curriculum.space), np.random.default_rng(1)
    for iteration in range(250):
        payload = curriculum.payload()
        draws = [
            (env_index, payload.draw(env_index, 4 * iteration + count))
            for count in range(4)
            for env_index in range(8)
        ]
        outcomes = [student.attempt(draw, payload.version, env_index, rng) for env_index, draw in draws]
        metrics = curriculum.take_in(outcomes, {"env_steps": 288 * iteration, "iteration": iteration})
        assert metrics["curriculum/thrashing"] == 0, (iteration, curriculum.alarms.new)
    assert student.skill > 0.0  # else there was nothing to thrash about


def test_a_teacher_that_wanders_is_only_watched_for_stalling() -> None:
    alarms = Alarms(wanders=True)
    for at in [0.0, 1.0] * 40:
        alarms.observe(at, 1.0 - at)
    assert not alarms.thrashing
    for _ in range(STILL + 1):
        alarms.observe(0.5, 0.0)
    assert alarms.stalled


def curriculum_named(name: str) -> Curriculum:
    """A shipped choice, with what a person has to say."""
    env = f"env={ENVS.get(name, 'multiroom')}"
    config = rlexp.compose([env, f"curriculum={name}", TRUSTED, *GIVEN.get(name, [])])
    curriculum = curriculum_of(config.curriculum, config.trusted, seed=0)
    assert curriculum is not None
    return curriculum


@pytest.mark.parametrize("name", [name for name in choices("curriculum") if name != "none"])
def test_a_student_that_never_succeeds_makes_no_teacher_thrash(name: str) -> None:
    curriculum = curriculum_named(name)
    metrics: dict[str, float] = {}
    for iteration in range(150):
        payload = curriculum.payload()
        draws = [(env_index, payload.draw(env_index, count)) for count in range(4) for env_index in range(8)]
        failed = [
            Outcome(
                draw.task, payload.version, draw.tag, 0.0, 0.0, 9, env_index, 0.0, dict.fromkeys(SIGNALS, 0.0)
            )
            for env_index, draw in draws
        ]
        metrics = curriculum.take_in(failed, {"env_steps": 288 * iteration, "iteration": iteration})
        assert metrics["curriculum/thrashing"] == 0, (iteration, curriculum.alarms.new)
    assert metrics["curriculum/score_mean"] == 0.0


def test_a_lake_that_is_too_far_and_back_to_the_first_is_thrashing(tmp_path: Path) -> None:
    """A real run, with the rule of RLlib's old example on FrozenLake."""
    overrides = [
        *["env=frozenlake", "env.config={is_slippery: false}", "env.max_episode_steps=6"],
        *["curriculum=function", "curriculum.apply=factory", "curriculum.measure=return", TRUSTED],
        *["curriculum.task_fn=task_functions.up_or_back_to_the_first", "evaluation.evaluation_interval=null"],
        f"curriculum.tasks={{desc: {{choice: {json.dumps(LAKES)}}}}}",
        *["stop.iterations=12", "checkpoint.every=null", "reporting.metrics_num_episodes_for_smoothing=10"],
    ]
    folder = train_tiny(overrides, tmp_path).folder
    thrashing = [record["curriculum/thrashing"] for record in records(folder)]
    assert thrashing[0] == 0 and 1 in thrashing
    entries = json.loads((folder / "curriculum.json").read_text())["entries"]
    events = [event for entry in entries for event in entry["events"]]
    assert len(events) == 1 and "thrashes" in events[0]
    log = (folder / "log.txt").read_text()
    assert "WARNING rlexp.curriculum.run_record: curriculum: the curriculum thrashes" in log
    assert "\x1b" not in log and "new API stack" not in log and "eprecat" not in log


def test_the_matrix_of_an_evaluation() -> None:
    def outcome(task: int, success: float) -> Outcome:
        return Outcome(task, 0, None, success, 10 * success, 5, success=success)

    assert evaluated([outcome(1, 1.0)]) == {}
    assert evaluated([outcome(1, 1.0), outcome(2, 0.0), outcome(1, 0.0)]) == {
        "eval/return/1": 5.0,
        "eval/success/1": 0.5,
        "eval/return/2": 0.0,
        "eval/success/2": 0.0,
    }
