"""What the teachers of listed tasks and of levels have in common."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlexp.base.errors import ConfigError
from rlexp.curriculum.simulation.simulate import simulate
from rlexp.curriculum.simulation.student import Student
from rlexp.curriculum.teacher import Teacher
from rlexp.curriculum.teachers.accel import ACCEL
from rlexp.curriculum.teachers.learnability import Learnability
from rlexp.curriculum.teachers.learning_progress import LearningProgress
from rlexp.curriculum.teachers.mastering_rate import MasteringRate
from rlexp.curriculum.teachers.plr import PLR, RobustPLR
from rlexp.curriculum.teachers.tscl import TSCL
from rlexp.curriculum.teachers.uniform import Uniform
from rlexp.environment.tasks.outcome import SIGNALS, Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

SPACE = TaskSpace.of({"rooms": {"int": [1, 6]}, "size": {"choice": [5, 7, 11]}})
GRID = TaskSpace.of({"gap": {"int": [1, 10]}, "force": {"int": [1, 10]}})
HARDEST = {"gap": 10, "force": 10}
ODD = TaskSpace.of({"colour": {"choice": ["red", True, 1]}, "one": {"int": [2, 2]}, "n": {"int": [-1, 1]}})
MIXED = TaskSpace.of(
    {"wind": {"log_box": [0.1, 10]}, "gap": {"box": [-1, 1]}, "kind": {"choice": ["a", "b"]}}
)

Make = Callable[..., Teacher]

BANDITS: dict[str, Any] = {
    "tscl_window": TSCL,
    "tscl_greedy": lambda space, **a: TSCL(space, temperature=0, **a),
    "tscl_online": lambda space, **a: TSCL(space, variant="online", **a),
    "tscl_sampling": lambda space, **a: TSCL(space, variant="sampling", **a),
    "learning_progress": LearningProgress,
    "mastering_rate": MasteringRate,
}
LEVELS: dict[str, Any] = {
    "learnability": lambda space, **a: Learnability(space, **{"candidates": 64, "keep": 16, **a}),
    "plr": PLR,
    "plr_max_mc": lambda space, **a: PLR(space, signal="max_mc", **a),
    "robust_plr": lambda space, **a: RobustPLR(space, **{"capacity": 200, **a}),
    "accel": lambda space, **a: ACCEL(space, **{"capacity": 200, **a}),
}
ALL = BANDITS | LEVELS
every_teacher = pytest.mark.parametrize("make", ALL.values(), ids=ALL)
every_bandit = pytest.mark.parametrize("make", BANDITS.values(), ids=BANDITS)
quick = settings(max_examples=3, deadline=None)


def scored(teacher: Teacher, score: Callable[[Any], float], count: int = 64) -> list[Outcome]:
    rng, directive = np.random.default_rng(0), teacher.directive()
    draws = [directive.sample(rng, env_index) for env_index in range(count)]
    found = [(draw, score(draw.task)) for draw in draws]
    return [Outcome(d.task, 0, d.tag, s, 0.0, 1, signals=dict.fromkeys(SIGNALS, s)) for d, s in found]


@every_teacher
@quick
@given(seed=st.integers(0, 99), odd=st.booleans())
def test_equal_seeds_give_equal_directives_over_tasks_of_the_space(make: Make, seed: int, odd: bool) -> None:
    space = ODD if odd else SPACE
    one, other = make(space, seed=seed), make(space, seed=seed)
    traces = [simulate(t, Student(space), space.tasks(), episodes=192, seed=seed) for t in (one, other)]
    assert traces[0].outcomes == traces[1].outcomes and traces[0].metrics == traces[1].metrics
    assert pickle.dumps(one.directive()) == pickle.dumps(other.directive())
    assert isinstance(one, Teacher) and not one.complete
    for outcome in (o for part in traces[0].outcomes for o in part):
        space.check(outcome.task, "task")
        assert list(space.parameters(outcome.task)) == list(space.dims)
    assert all(np.isfinite(list(metrics.values())).all() for metrics in traces[0].metrics)


@every_teacher
@quick
@given(seed=st.integers(0, 99), before=st.integers(0, 9))
def test_a_state_taken_over_midway_gives_the_same_future(make: Make, seed: int, before: int) -> None:
    teacher, student = make(SPACE, seed=seed), Student(SPACE, rate=0.01)
    simulate(teacher, student, SPACE.tasks(), episodes=32 * before, seed=seed)
    teacher.update(scored(teacher, lambda task: 0.5, 7), TrainingProgress(0, 0))
    state = teacher.state_dict()
    text = pickle.dumps(state)
    other = make(SPACE, seed=seed + 1)
    other.load_state_dict(pickle.loads(text))
    futures = [simulate(t, copy.copy(student), SPACE.tasks(), episodes=224, seed=5) for t in (teacher, other)]
    assert futures[0].outcomes == futures[1].outcomes and futures[0].versions == futures[1].versions
    assert futures[0].metrics == futures[1].metrics and pickle.dumps(state) == text


@every_teacher
def test_no_outcomes_and_unmeasured_ones_change_nothing(make: Make) -> None:
    teacher = make(SPACE, seed=0)
    before = pickle.dumps(teacher.state_dict())
    assert teacher.update([], TrainingProgress(0, 1)) is False
    assert teacher.update(scored(teacher, lambda task: float("nan"), 500), TrainingProgress(0, 1)) is False
    assert pickle.dumps(teacher.state_dict()) == before


@every_bandit
@quick
@given(seed=st.integers(0, 99))
def test_probabilities_rise_to_one(make: Make, seed: int) -> None:
    teacher, rng = make(SPACE, seed=seed), np.random.default_rng(seed)
    for _ in range(20):
        cdf = teacher.directive().cdf  # type: ignore[attr-defined]
        assert cdf.shape == (18,) and cdf[-1] == 1 and (np.diff(cdf) >= 0).all() and cdf[0] >= 0
        teacher.update(scored(teacher, lambda task: rng.random(), 20), TrainingProgress(0, 0))


@pytest.fixture(scope="module")
def uniform_takes() -> float:
    return median(episodes_to_target(Uniform(GRID, seed=s), s) for s in range(3))


def episodes_to_target(teacher: Teacher, seed: int) -> int:
    student, most = Student(GRID, sharpness=30), 8000
    for start in range(0, most, 320):
        trace = simulate(teacher, student, [HARDEST], episodes=320, seed=seed * most + start)
        if max(trace.target) >= 0.8:
            return start + 32 * (1 + next(at for at, mean in enumerate(trace.target) if mean >= 0.8))
    return 2 * most


@pytest.mark.slow
# The greedy variant follows the noise of single episodes and is worse than the softened one: not promised.
@pytest.mark.parametrize("make", [ALL[name] for name in ALL if name != "tscl_greedy"])
def test_it_brings_a_student_to_the_hardest_task_sooner_than_uniform_draws(
    make: Make, uniform_takes: float
) -> None:
    takes = median(episodes_to_target(make(GRID, seed=s), s) for s in range(3))
    assert takes < 0.85 * uniform_takes, (takes, uniform_takes)


@every_bandit
def test_a_student_that_never_succeeds_is_left_alone(make: Make) -> None:
    trace = simulate(make(SPACE, seed=0), Student(SPACE, skill=-5.0, rate=0.0), SPACE.tasks(), episodes=3200)
    # Those that begin with what was never tried change until all was.
    assert trace.versions[-1] <= 12 and trace.versions[-1] == trace.versions[20]


@every_teacher
def test_one_task_and_nothing_but_success(make: Make) -> None:
    space = TaskSpace.of({"int": [3, 3]})
    teacher = make(space, seed=0)
    trace = simulate(teacher, Student(space, skill=9.0), [3], episodes=320)
    assert all(outcome.task == 3 for part in trace.outcomes for outcome in part)
    assert all(type(outcome.task) is int for part in trace.outcomes for outcome in part)


@every_teacher
def test_ten_thousand_tasks_make_a_small_directive(make: Make) -> None:
    space = TaskSpace.of({"a": {"int": [1, 100]}, "b": {"int": [1, 100]}})
    more = {"capacity": 10_000, "min_fill": 0.0} if make in (*LEVELS.values(),)[1:] else {}
    teacher, score = make(space, seed=0, **more), np.random.default_rng(0)
    for _ in range(3):
        teacher.update(scored(teacher, lambda task: score.random(), 4000), TrainingProgress(0, 0))
    assert len(pickle.dumps(teacher.directive())) < 200_000


@every_bandit
@pytest.mark.parametrize(
    ("spec", "match"), [({"x": {"box": [0, 1]}}, "continuous"), ({"levels": 10**6}, "1,000,000")]
)
def test_a_space_that_cannot_be_listed_is_refused(make: Make, spec: Any, match: str) -> None:
    with pytest.raises(ConfigError, match=match) as caught:
        make(TaskSpace.of(spec), seed=0)
    assert caught.value.key == "curriculum.tasks"


@pytest.mark.parametrize("make", LEVELS.values(), ids=LEVELS)
def test_any_space_has_levels(make: Make) -> None:
    for space in (MIXED, TaskSpace.of({"levels": 2**50})):
        teacher, rng = make(space, seed=0), np.random.default_rng(0)
        for _ in range(12):
            outcomes = scored(teacher, lambda task, rng=rng: float(rng.random() < 0.5))
            for outcome in outcomes:
                space.check(outcome.task, "task")
            teacher.update(outcomes, TrainingProgress(0, 0))
        assert teacher.update([replace(o, score=0.5) for o in outcomes], TrainingProgress(0, 0)) in (
            True,
            False,
        )
    with pytest.raises(ConfigError, match=r"2\^53"):
        make(TaskSpace.of({"levels": 2**60}), seed=0)


BAD: list[tuple[Any, dict[str, Any], str]] = [
    (TSCL, {"variant": "windw"}, "variant"),
    (TSCL, {"window": 1}, "window"),
    (TSCL, {"alpha": 0.1}, "alpha"),
    (TSCL, {"variant": "online", "window": 5}, "window"),
    (TSCL, {"variant": "sampling", "temperature": 0.1}, "temperature"),
    (TSCL, {"temperature": -1}, "temperature"),
    (TSCL, {"epsilon": 2}, "epsilon"),
    (TSCL, {"score_range": [1, 0]}, "score_range"),
    (LearningProgress, {"alpha": 0}, "alpha"),
    (LearningProgress, {"theta": 0.6}, "theta"),
    (LearningProgress, {"uniform": -0.1}, "uniform"),
    (LearningProgress, {"baseline": 1.5}, "baseline"),
    (LearningProgress, {"baseline": {"rooms=9": 0.5}}, "baseline"),
    (MasteringRate, {"window": 1}, "window"),
    (MasteringRate, {"power": -1}, "power"),
    (MasteringRate, {"back": 1.1}, "back"),
    (MasteringRate, {"edges": 3}, "edges"),
    (MasteringRate, {"edges": [[1]]}, "edges[0]"),
    (Learnability, {"candidates": 0}, "candidates"),
    (Learnability, {"replay": 1}, "replay"),
    (Learnability, {"train_candidates": 1}, "train_candidates"),
    (PLR, {"signal": ""}, "signal"),
    (PLR, {"temperature": 0}, "temperature"),
    (PLR, {"staleness": 2}, "staleness"),
    (PLR, {"capacity": 0}, "capacity"),
    (RobustPLR, {"min_fill": 2}, "min_fill"),
    (RobustPLR, {"replay": -1}, "replay"),
    (ACCEL, {"edits": 0}, "edits"),
    (ACCEL, {"step": 0}, "step"),
    (ACCEL, {"mutants": -1}, "mutants"),
    (ACCEL, {"mutate": "os.system"}, "mutate"),
    (ACCEL, {"mutate": 3}, "mutate"),
    (ACCEL, {"mutate": len}, "mutate"),
    (ACCEL, {"mutate": lambda task, rng: task}, "mutate"),
]


@pytest.mark.parametrize(("teacher", "arguments", "at"), BAD, ids=[f"{t.__name__}-{a}" for t, _, a in BAD])
def test_a_bad_argument_is_told_with_its_key(teacher: Any, arguments: dict[str, Any], at: str) -> None:
    with pytest.raises(ConfigError) as caught:
        teacher(SPACE, seed=0, **arguments)
    assert caught.value.key == f"curriculum.teacher.{at}" and caught.value.key in str(caught.value)
