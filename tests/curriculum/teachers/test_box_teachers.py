"""What ADR, ALP-GMM, SPDL and GoalBand have in common: teachers that move in a box of numbers."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlexp.base.errors import ConfigError
from rlexp.curriculum.simulation.simulate import simulate
from rlexp.curriculum.simulation.student import Student
from rlexp.curriculum.teacher import Teacher
from rlexp.curriculum.teachers.adr import ADR
from rlexp.curriculum.teachers.alp_gmm import ALPGMM
from rlexp.curriculum.teachers.goal_band import GoalBand
from rlexp.curriculum.teachers.spdl import SPDL
from rlexp.curriculum.teachers.uniform import Uniform
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

SPACE = TaskSpace.of({"gap": {"box": [0, 1]}, "force": {"box": [-4, 4]}})
HARDEST = {"gap": 1.0, "force": 4.0}
MIXED = TaskSpace.of(
    {
        "wind": {"log_box": [0.1, 10]},
        "rooms": {"int": [1, 6]},
        "size": {"choice": [5, 7, 11]},
        "one": {"int": [2, 2]},
    }
)

Make = Callable[..., Teacher]


def spdl(space: TaskSpace, seed: int, **arguments: Any) -> SPDL:
    names = [name for name, dim in space.dims.items() if dim.size != 1]
    high = space.bounds("SPDL")[1][: len(names)].tolist()
    target = {"mean": dict(zip(names, high, strict=True)), "std": dict.fromkeys(names, 0.1)}
    return SPDL(space, seed=seed, **{"target": target, "episodes": 50, **arguments})


MAKERS: dict[str, Make] = {
    "adr": lambda space, seed: ADR(space, seed=seed),
    "alp_gmm": lambda space, seed: ALPGMM(space, seed=seed, fit_every=125, components=[2, 3]),
    "spdl": lambda space, seed: spdl(space, seed),
    "spdl_full": lambda space, seed: spdl(space, seed, covariance="full"),
    "goal_band": lambda space, seed: GoalBand(space, seed=seed, fresh=20, replayed=10),
}
every_teacher = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
quick = settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def drawn(teacher: Teacher, count: int = 40, seed: int = 0) -> list[Any]:
    rng, directive = np.random.default_rng(seed), teacher.directive()
    return [directive.sample(rng, env_index) for env_index in range(count)]


def scored(teacher: Teacher, score: Callable[[Any], float], count: int = 64, seed: int = 0) -> list[Outcome]:
    return [Outcome(d.task, 0, d.tag, score(d.task), 0.0, 1) for d in drawn(teacher, count, seed)]


def same(one: Any, other: Any) -> bool:
    return pickle.dumps(one) == pickle.dumps(other)


@every_teacher
@quick
@given(seed=st.integers(0, 99), sharpness=st.floats(2, 30), whole=st.booleans())
def test_its_tasks_lie_in_the_space_and_equal_seeds_give_equal_directives(
    make: Make, seed: int, sharpness: float, whole: bool
) -> None:
    space = MIXED if whole else SPACE
    teachers = make(space, seed), make(space, seed)
    one, other = (
        simulate(
            t,
            Student(space, sharpness=sharpness),
            [space.sample(np.random.default_rng(0))],
            episodes=224,
            seed=seed,
        )
        for t in teachers
    )
    assert one.outcomes == other.outcomes and one.metrics == other.metrics
    assert same(teachers[0].directive(), teachers[1].directive())
    for outcome in (o for part in one.outcomes for o in part):
        space.check(outcome.task, "task")


@every_teacher
@quick
@given(seed=st.integers(0, 99), before=st.integers(0, 6))
def test_a_state_taken_over_midway_gives_the_same_future(make: Make, seed: int, before: int) -> None:
    student, teacher = Student(SPACE, rate=0.01, sharpness=10), make(SPACE, seed)
    simulate(teacher, student, [HARDEST], episodes=32 * before, seed=seed)
    teacher.update(scored(teacher, lambda task: 1.0, 7), TrainingProgress(0, 0))  # something is under way
    taken = pickle.loads(pickle.dumps(teacher.state_dict()))
    other = make(SPACE, seed + 1)
    other.load_state_dict(taken)
    futures = [simulate(t, copy.copy(student), [HARDEST], episodes=224, seed=5) for t in (teacher, other)]
    assert futures[0].outcomes == futures[1].outcomes
    assert futures[0].metrics == futures[1].metrics and futures[0].versions == futures[1].versions


def test_a_state_is_a_copy() -> None:
    for make in MAKERS.values():
        teacher = make(SPACE, 0)
        simulate(teacher, Student(SPACE), [HARDEST], episodes=64)
        state, before = teacher.state_dict(), pickle.dumps(teacher.state_dict())
        simulate(teacher, Student(SPACE, skill=2.0), [HARDEST], episodes=320)
        assert pickle.dumps(state) == before != pickle.dumps(teacher.state_dict())


def episodes_to_target(teacher: Teacher, seed: int) -> int:
    student, most = Student(SPACE, sharpness=30), 16_000
    for start in range(0, most, 320):
        trace = simulate(teacher, student, [HARDEST], episodes=320, seed=seed * most + start)
        if max(trace.target) >= 0.8:
            return start + 32 * (1 + next(at for at, mean in enumerate(trace.target) if mean >= 0.8))
    return 2 * most


@pytest.fixture(scope="module")
def uniform_takes() -> float:
    return median(episodes_to_target(Uniform(SPACE, seed=s), s) for s in range(3))


@pytest.mark.slow
@pytest.mark.landing
@pytest.mark.parametrize("name", ["adr", "alp_gmm", "spdl", "goal_band"])
def test_it_brings_a_student_to_the_hardest_task_sooner_than_uniform_draws(
    name: str, uniform_takes: float
) -> None:
    takes = median(episodes_to_target(MAKERS[name](SPACE, s), s) for s in range(3))
    assert takes < 0.8 * uniform_takes, (takes, uniform_takes)


@every_teacher
def test_a_student_that_never_succeeds_is_left_alone(make: Make) -> None:
    trace = simulate(make(SPACE, 0), Student(SPACE, skill=-5.0, rate=0.0), [HARDEST], episodes=1600)
    # GoalBand looks elsewhere once a generation (3 * 20 episodes), the others see nothing to go after.
    allowed = 1600 // 60 if make is MAKERS["goal_band"] else 0
    assert trace.versions[-1] <= allowed


@every_teacher
def test_no_outcomes_change_nothing(make: Make) -> None:
    teacher = make(SPACE, 0)
    before = pickle.dumps(teacher.state_dict())
    assert teacher.update([], TrainingProgress(0, 1)) is False
    assert pickle.dumps(teacher.state_dict()) == before and teacher.metrics() == make(SPACE, 1).metrics()
    assert isinstance(teacher, Teacher) and not teacher.complete


@every_teacher
def test_an_episode_that_was_not_measured_does_not_count(make: Make) -> None:
    teacher = make(SPACE, 0)
    before = pickle.dumps(teacher.state_dict())
    assert teacher.update(scored(teacher, lambda task: float("nan"), 500), TrainingProgress(0, 1)) is False
    assert pickle.dumps(teacher.state_dict()) == before


@every_teacher
def test_it_goes_on_when_every_episode_succeeds(make: Make) -> None:
    trace = simulate(make(SPACE, 0), Student(SPACE, skill=9.0), [HARDEST], episodes=320)
    assert all(np.isfinite(list(metrics.values())).all() for metrics in trace.metrics)


@pytest.mark.parametrize("name", ["adr", "spdl", "spdl_full", "goal_band"])
def test_an_episode_of_an_older_directive_does_not_count(name: str) -> None:
    teacher, late = MAKERS[name](SPACE, 0), []
    for seed in range(200):
        late = scored(teacher, lambda task: 1.0, 64, seed)
        if teacher.update(
            [replace(o, score=float(o.task["gap"] < 0.5)) for o in late], TrainingProgress(0, 0)
        ):
            break
    assert teacher.update(scored(teacher, lambda task: 1.0, 3), TrainingProgress(0, 0)) is False
    moved = [o for o in late if o.tag is not None and not _current(teacher, o)]
    before = pickle.dumps(teacher.state_dict())
    assert len(moved) >= 5 and teacher.update(moved * 50, TrainingProgress(0, 0)) is False
    assert pickle.dumps(teacher.state_dict()) == before


def _current(teacher: Teacher, outcome: Outcome) -> bool:
    """Of ADR's bounds, those that have not moved are still current."""
    state = teacher.state_dict()
    return "moves" in state and state["moves"][outcome.tag[0]] == outcome.tag[1]


@every_teacher
def test_a_space_with_one_task_is_refused(make: Make) -> None:
    with pytest.raises(ConfigError, match=r"one task only") as caught:
        make(TaskSpace.of({"rooms": {"int": [2, 2]}, "size": {"choice": [5]}}), 0)
    assert caught.value.key == "curriculum.tasks"


@pytest.mark.parametrize("name", ["adr", "alp_gmm", "goal_band"])
def test_a_parameter_without_an_order_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"curriculum\.tasks\.colour"):
        MAKERS[name](TaskSpace.of({"colour": {"choice": ["red", "blue"]}}), 0)


@every_teacher
def test_directives_are_small_and_bare_spaces_have_bare_tasks(make: Make) -> None:
    bare = TaskSpace.of({"box": [0, 10]})
    teacher = make(bare, 0)
    simulate(teacher, Student(bare, rate=0.01), [10.0], episodes=320)
    assert all(isinstance(draw.task, float) for draw in drawn(teacher))
    assert len(pickle.dumps(teacher.directive())) < 10_000


BAD: list[tuple[Any, dict[str, Any], str]] = [
    (ADR, {"boundary": 1.5}, "boundary"),
    (ADR, {"queue": 0}, "queue"),
    (ADR, {"step": 0.0}, "step"),
    (ADR, {"shrink": 0.8}, "shrink"),
    (ADR, {"expand": "high"}, "expand"),
    (ADR, {"initial": {"gap": 2.0, "force": 0.0}}, "initial"),
    (ALPGMM, {"fit_every": 5}, "fit_every"),
    (ALPGMM, {"components": [5, 2]}, "components"),
    (ALPGMM, {"components": 3}, "components"),
    (ALPGMM, {"uniform": -0.1}, "uniform"),
    (ALPGMM, {"score_range": [1, 1]}, "score_range"),
    (ALPGMM, {"history": 2.5}, "history"),
    (SPDL, {"target": {"mean": [1, 4]}}, "target"),
    (SPDL, {"target": {"mean": [1, 9], "std": [1, 1]}}, "target.mean"),
    (SPDL, {"target": {"mean": [1], "std": [1, 1]}}, "target.mean"),
    (SPDL, {"target": {"mean": [1, 4], "std": [1, 0]}}, "target.std"),
    (SPDL, {"target": {"mean": {"gap": 1, "forse": 4}, "std": [1, 1]}}, "target.mean"),
    (SPDL, {"target": {"mean": {"gap": 1}, "std": [1, 1]}}, "target.mean"),
    (spdl, {"initial": 3}, "initial"),
    (spdl, {"covariance": "diag"}, "covariance"),
    (spdl, {"max_kl": 0}, "max_kl"),
    (spdl, {"std_floor": -1}, "std_floor"),
    (spdl, {"floor_kl": -1}, "floor_kl"),
    (GoalBand, {"low": 0.9}, "low"),
    (GoalBand, {"start": []}, "start"),
    (GoalBand, {"start": [{"gap": 0.0}]}, "start[0]"),
    (GoalBand, {"fresh": 0}, "fresh"),
    (GoalBand, {"step": 0}, "step"),
    (GoalBand, {"tries": True}, "tries"),
]


@pytest.mark.parametrize(("teacher", "arguments", "at"), BAD, ids=[f"{t.__name__}-{a}" for t, _, a in BAD])
def test_a_bad_argument_is_told_with_its_key(teacher: Any, arguments: dict[str, Any], at: str) -> None:
    with pytest.raises(ConfigError) as caught:
        teacher(SPACE, seed=0, **arguments)
    assert caught.value.key == f"curriculum.teacher.{at}" and caught.value.key in str(caught.value)
