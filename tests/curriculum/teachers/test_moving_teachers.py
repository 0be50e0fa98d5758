"""What Stages, Schedule, Tracks and Ladder have in common."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlexp.curriculum.simulation.simulate import simulate
from rlexp.curriculum.simulation.student import Student
from rlexp.curriculum.teacher import Teacher
from rlexp.curriculum.teachers.ladder import Ladder
from rlexp.curriculum.teachers.schedule import Schedule
from rlexp.curriculum.teachers.stages import Stages
from rlexp.curriculum.teachers.tracks import Tracks
from rlexp.curriculum.teachers.uniform import Uniform
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

SPACE = TaskSpace.of({"rooms": {"int": [1, 6]}, "wind": {"box": [0, 1]}})
HARDEST = {"rooms": 6, "wind": 1.0}
STAGES = [
    {"name": f"rooms_{rooms}", "task": {"rooms": rooms, "wind": (rooms - 1) / 5}} for rooms in range(1, 7)
]
RULES = {"promote": {"window": 50, "min_episodes": 50}, "demote": {}, "rehearsal": 0.1}
GRAPH = [
    {"name": "still", "task": {"rooms": {"uniform": [1, 3]}, "wind": 0}},
    {
        "name": "windy",
        "task": {"rooms": {"uniform": [1, 3]}, "wind": {"uniform": [0, 0.6]}},
        "after": "still",
    },
    {"name": "many", "task": {"rooms": {"uniform": [3, 6]}, "wind": 0}, "after": "still"},
    {"name": "both", "task": {"rooms": {"uniform": [3, 6]}}, "after": ["windy", "many"]},
]
RAMP = {"from": 0, "to": 1, "steps": 2e5}
TRACKS = {
    "rooms": {"_target_": "rlexp.curriculum.teachers.ladder.Ladder"},
    "wind": {"_target_": "rlexp.curriculum.teachers.schedule.Schedule", "parameters": RAMP},
}

Make = Callable[[int], Teacher]
MAKERS: dict[str, Make] = {
    "stages": lambda seed: Stages(SPACE, seed=seed, stages=STAGES, **RULES),
    "graph": lambda seed: Stages(SPACE, seed=seed, stages=GRAPH, **{**RULES, "promote": {"threshold": 0.7}}),
    "schedule": lambda seed: Schedule(
        SPACE, seed=seed, parameters={"rooms": {"from": 1, "to": 6, "steps": 2e5}, "wind": RAMP}
    ),
    "tracks": lambda seed: Tracks(SPACE, seed=seed, tracks=TRACKS),
    "ladder": lambda seed: Ladder(SPACE, seed=seed),
}
every_teacher = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
quick = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@every_teacher
@quick
@given(seed=st.integers(0, 99), before=st.integers(0, 25))
def test_a_state_taken_over_midway_gives_the_same_future(make: Make, seed: int, before: int) -> None:
    student, teacher = Student(SPACE, rate=0.02), make(seed)
    simulate(teacher, student, [HARDEST], episodes=32 * before, seed=seed)
    other = make(seed)
    other.load_state_dict(pickle.loads(pickle.dumps(teacher.state_dict())))
    assert teacher.metrics() == other.metrics()
    one, two = (simulate(t, copy.copy(student), [HARDEST], episodes=320, seed=5) for t in (teacher, other))
    assert one.outcomes == two.outcomes and one.metrics == two.metrics and one.versions == two.versions
    for outcome in (outcome for part in one.outcomes for outcome in part):
        SPACE.check(outcome.task, "task")


@every_teacher
def test_a_state_is_a_copy(make: Make) -> None:
    teacher = make(0)
    simulate(teacher, Student(SPACE), [HARDEST], episodes=64)
    state, before = teacher.state_dict(), pickle.dumps(teacher.state_dict())
    simulate(teacher, Student(SPACE, skill=2.0), [HARDEST], episodes=640)
    assert pickle.dumps(state) == before != pickle.dumps(teacher.state_dict())


def episodes_to_target(teacher: Teacher, seed: int) -> int:
    student, most = Student(SPACE, sharpness=30), 9600
    trace = simulate(teacher, student, [HARDEST], episodes=most, seed=seed)
    return next((32 * (at + 1) for at, mean in enumerate(trace.target) if mean >= 0.8), 2 * most)


@pytest.fixture(scope="module")
def uniform_takes() -> float:
    return median(episodes_to_target(Uniform(SPACE, seed=s), s) for s in range(3))


@pytest.mark.slow
@pytest.mark.landing
@every_teacher
def test_it_brings_a_student_to_the_hardest_task_sooner_than_uniform_draws(
    make: Make, uniform_takes: float
) -> None:
    takes = median(episodes_to_target(make(s), s) for s in range(3))
    assert takes < 0.7 * uniform_takes, (takes, uniform_takes)


@pytest.mark.parametrize("make", [MAKERS[name] for name in ("stages", "graph", "ladder")])
def test_a_student_that_never_succeeds_stays_where_it_is(make: Make) -> None:
    trace = simulate(make(0), Student(SPACE, skill=-5.0, rate=0.0), [HARDEST], episodes=1600)
    assert trace.versions[-1] == 0


@every_teacher
def test_an_episode_that_was_not_measured_does_not_count(make: Make) -> None:
    teacher, rng = make(0), np.random.default_rng(0)
    directive, before = teacher.directive(), teacher.metrics()
    draws = [directive.sample(rng, env_index) for env_index in range(300)]
    outcomes = [Outcome(d.task, 0, d.tag, float("nan"), 0.0, 20, success=1.0) for d in draws]
    assert not teacher.update([], TrainingProgress(0, 1)) and not teacher.update(
        outcomes, TrainingProgress(0, 1)
    )
    assert teacher.metrics() == before and isinstance(teacher, Teacher) and not teacher.complete


@every_teacher
def test_it_reaches_its_end_when_every_episode_succeeds(make: Make) -> None:
    teacher = make(0)
    trace = simulate(teacher, Student(SPACE, skill=9.0), [HARDEST], episodes=6400)
    assert teacher.complete
    assert all(np.isfinite(list(metrics.values())).all() for metrics in trace.metrics)


@every_teacher
def test_directives_are_small_and_say_the_same_for_the_same_seed(make: Make) -> None:
    def directives() -> list[Any]:
        teacher, student = make(3), Student(SPACE, rate=0.02)
        simulate(teacher, student, [HARDEST], episodes=640, seed=3)
        return [pickle.dumps(teacher.directive())]

    assert directives() == directives() and len(directives()[0]) < 10_000
