"""PLR, robust PLR and ACCEL: what is drawn when, and what an episode does to the buffer."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlexp.base.errors import ConfigError, RunFailedError
from rlexp.config.callables.targets import check
from rlexp.curriculum.teachers.accel import ACCEL
from rlexp.curriculum.teachers.parts.mutation import ParameterStep
from rlexp.curriculum.teachers.plr import PLR, RobustPLR
from rlexp.environment.tasks.directive import Draw
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task, task_key

SEEDS = TaskSpace.of({"levels": 10**9})
GRID = TaskSpace.of({"gap": {"int": [0, 10]}, "force": {"box": [-1, 1]}})


def draws(teacher: PLR, count: int = 600) -> list[Draw]:
    rng, directive = np.random.default_rng(0), teacher.directive()
    return [directive.sample(rng, 0) for _ in range(count)]


def tell(teacher: PLR, scores: dict[int, float], name: str | None = None) -> bool:
    signals = {task: {name or teacher.signal: score} for task, score in scores.items()}
    return teacher.update(
        [Outcome(t, 0, "new", 0.0, 0.0, 1, signals=s) for t, s in signals.items()], TrainingProgress(0, 0)
    )


def test_the_share_of_replay_is_the_share_of_levels_seen() -> None:
    teacher = PLR(TaskSpace.of({"levels": 4}), seed=0)
    assert {draw.tag for draw in draws(teacher)} == {"new"} and all(draw.trainable for draw in draws(teacher))
    tell(teacher, {0: 0.5})
    drawn = draws(teacher)
    assert {d.task for d in drawn if d.tag == "replay"} == {0} and {
        d.task for d in drawn if d.tag == "new"
    } == {1, 2, 3}
    assert Counter(d.tag for d in drawn)["replay"] / 600 == pytest.approx(0.25, abs=0.05)
    tell(teacher, {1: 0.1, 2: 0.2, 3: 0.3})
    assert {draw.tag for draw in draws(teacher)} == {"replay"}


def test_levels_are_drawn_by_rank_and_age() -> None:
    teacher = PLR(SEEDS, seed=0, capacity=3, temperature=1.0, staleness=0.4)
    tell(teacher, {5: 0.1, 6: 0.9, 7: 0.5})  # at times 1, 2, 3: ages 2, 1, 0
    counts = Counter(draw.task for draw in draws(teacher, 4000))
    ranked = {6: 1, 7: 1 / 2, 5: 1 / 3}
    ages = {5: 2 / 3, 6: 1 / 3, 7: 0.0}
    for task in ages:
        chance = 0.6 * ranked[task] / sum(ranked.values()) + 0.4 * ages[task]
        assert counts[task] / 4000 == pytest.approx(chance, abs=0.03)


def test_a_full_buffer_keeps_the_better_levels() -> None:
    teacher = PLR(SEEDS, seed=0, capacity=2, staleness=0.0)
    tell(teacher, {1: 0.3, 2: 0.8})
    tell(teacher, {3: 0.2, 4: 0.5})
    assert set(teacher.state_dict()["rows"][:, 0]) == {4.0, 2.0}
    tell(teacher, {2: 0.1})  # a known one gets its new score, however low
    assert dict(zip(*(teacher.state_dict()[n].ravel() for n in ("rows", "scores")), strict=True)) == {
        4.0: 0.5,
        2.0: 0.1,
    }


def test_a_late_score_of_an_evicted_level_is_that_of_a_new_one() -> None:
    teacher = PLR(SEEDS, seed=0, capacity=1)
    tell(teacher, {1: 0.3})
    tell(teacher, {2: 0.8})
    tell(teacher, {1: 0.5})
    assert teacher.state_dict()["rows"].tolist() == [[2.0]]


def test_a_missing_signal_ends_the_run_with_what_there_is() -> None:
    with pytest.raises(RunFailedError, match=r"curriculum\.teacher\.signal=max_mc: .* they carry value_l1"):
        tell(PLR(SEEDS, seed=0, signal="max_mc"), {1: 0.5}, "value_l1")
    with pytest.raises(RunFailedError, match="did you mean: value_l1"):
        tell(PLR(SEEDS, seed=0, signal="value_l2"), {1: 0.5}, "value_l1")
    with pytest.raises(RunFailedError, match="no signals"):
        PLR(SEEDS, seed=0).update([Outcome(1, 0, "new", 0.0, 0.0, 1)], TrainingProgress(0, 0))


def test_max_mc_remembers_the_highest_return_of_each_level_held() -> None:
    teacher = PLR(SEEDS, seed=0, capacity=2, signal="max_mc", staleness=0.0)
    assert teacher.needs_signals == ("value_mean",)

    def told(*episodes: tuple[int, float, float], to: PLR = teacher) -> dict[float, float]:
        outcomes = [
            Outcome(task, 0, "new", 0.0, total, 1, signals={"value_mean": value})
            for task, total, value in episodes
        ]
        to.update(outcomes, TrainingProgress(0, 0))
        state = to.state_dict()
        return dict(zip(state["rows"][:, 0].tolist(), state["scores"].tolist(), strict=True))

    # The second episode on level 1 is judged by the first one's return, its own being lower.
    assert told((1, 2.0, 0.5), (1, 1.0, 0.25), (2, -3.0, -4.0)) == {1.0: 1.75, 2.0: 1.0}
    assert told((2, -9.0, -5.0)) == {1.0: 1.75, 2.0: 2.0}
    other = PLR(SEEDS, seed=0, capacity=2, signal="max_mc", staleness=0.0)
    other.load_state_dict(teacher.state_dict())
    for each in (teacher, other):
        assert told((1, 0.0, 1.5), to=each) == {1.0: 0.5, 2.0: 2.0}
    assert told((3, 4.0, 0.0)) == {3.0: 4.0, 2.0: 2.0}
    assert told((1, 3.0, 0.0)) == {3.0: 4.0, 1.0: 3.0}
    assert set(teacher._best) == {np.array([level]).tobytes() for level in (1.0, 3.0)}


@pytest.mark.parametrize("cls", [PLR, RobustPLR, ACCEL])
def test_arguments_that_are_passed_on_are_listed_and_checked(cls: type[PLR]) -> None:
    takes = inspect.signature(cls).parameters
    assert list(takes)[:2] == ["space", "seed"] and takes["capacity"].default == 1000
    assert all(parameter.kind is not parameter.VAR_KEYWORD for parameter in takes.values())
    assert takes["staleness"].default == {PLR: 0.1, RobustPLR: 0.3, ACCEL: 0.5}[cls]
    assert takes["signal"].default == ("value_l1" if cls is PLR else "positive_value_loss")
    spec = {"_target_": f"{cls.__module__}.{cls.__name__}", "capacty": 5}
    with pytest.raises(ConfigError, match=r"takes no argument capacty; it takes .*min_fill") as caught:
        check(spec, ["rlexp"], positional=1, given=("seed",))
    assert caught.value.suggestions == ["capacity"]
    assert cls(SEEDS, seed=0, capacity=7)._capacity == 7


def test_robust_plr_does_not_learn_from_new_levels() -> None:
    teacher = RobustPLR(SEEDS, seed=0, capacity=4)
    tell(teacher, {1: 0.5})
    assert all(not draw.trainable and draw.tag == "new" for draw in draws(teacher))  # a quarter full
    tell(teacher, {2: 0.5})
    drawn = draws(teacher)
    assert all(draw.trainable == (draw.tag == "replay") for draw in drawn)
    assert Counter(draw.tag for draw in drawn)["replay"] / 600 == pytest.approx(0.5, abs=0.06)


def fill(teacher: ACCEL, count: int = 10) -> None:
    for _ in range(3):
        signals = {teacher.signal: 1.0}
        drawn = draws(teacher, count)
        teacher.update(
            [Outcome(d.task, 0, d.tag, 0.0, 0.0, 1, signals=signals) for d in drawn], TrainingProgress(0, 0)
        )


def test_accel_draws_mutants_as_often_as_it_replays() -> None:
    teacher = ACCEL(GRID, seed=0, capacity=20)
    assert {draw.tag for draw in draws(teacher)} == {"new"}
    fill(teacher)
    drawn = draws(teacher, 2000)
    shares = {tag: count / 2000 for tag, count in Counter(draw.tag for draw in drawn).items()}
    assert shares == pytest.approx({"replay": 0.9 / 1.9, "mutant": 0.9 / 1.9, "new": 0.1 / 1.9}, abs=0.04)
    assert all(draw.trainable == (draw.tag == "replay") for draw in drawn)
    parents = {task_key(draw.task) for draw in drawn if draw.tag == "replay"}
    children = [draw.task for draw in drawn if draw.tag == "mutant"]
    assert sum(task_key(task) not in parents for task in children) > 0.9 * len(children)
    for task in children:
        GRID.check(task, "mutant")


def doubled(task: Task, rng: np.random.Generator) -> Task:
    """Doubles the gap."""
    return {**task, "gap": 2 * max(1, task["gap"])}


def test_an_edit_of_ones_own_is_applied_and_checked() -> None:
    teacher = ACCEL(GRID, seed=0, capacity=4, mutate=doubled, edits=2, trusted=["test_plr"])
    tasks: dict[str, Any] = {"gap": 1, "force": 0.5}
    signals = {teacher.signal: 1.0}
    outcomes = [Outcome({**tasks, "force": f}, 0, "new", 0.0, 0.0, 1, signals=signals) for f in (0.1, 0.2)]
    teacher.update(outcomes, TrainingProgress(0, 0))
    assert {draw.task["gap"] for draw in draws(teacher) if draw.tag == "mutant"} == {4}
    teacher.update(
        [Outcome({"gap": 9, "force": 0.1}, 0, "new", 0.0, 0.0, 1, signals={teacher.signal: 9.0})],
        TrainingProgress(0, 0),
    )
    with pytest.raises(RunFailedError, match=r"curriculum\.teacher\.mutate: doubled returned .*gap"):
        draws(teacher)


def test_an_import_path_must_be_trusted_and_take_two_arguments() -> None:
    with pytest.raises(ConfigError, match="not among the trusted") as caught:
        ACCEL(GRID, seed=0, mutate="test_plr.doubled")
    assert caught.value.key == "curriculum.teacher.mutate" and caught.value.fix
    with pytest.raises(ConfigError, match=r"does not take \(task, rng\)"):
        ACCEL(GRID, seed=0, mutate="rlexp.environment.tasks.task.task_key")


@given(st.integers(0, 10_000), st.floats(0.01, 1.0))
def test_a_step_moves_one_parameter_a_little_and_stays_inside(seed: int, size: float) -> None:
    space = TaskSpace.of(
        {"n": {"int": [0, 10]}, "x": {"box": [0, 1]}, "w": {"log_box": [0.1, 10]}, "c": {"choice": [3, 1, 2]},
         "s": {"choice": ["a", 1, True]}, "one": {"int": [4, 4]}}
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    task = space.sample(rng)
    other = ParameterStep(space, size)(task, rng)
    space.check(other, "other")
    moved = [name for name in task if repr(task[name]) != repr(other[name])]
    assert len(moved) <= 1 and "one" not in moved
    assert (
        abs(task["n"] - other["n"]) <= max(1, round(10 * size)) and abs(task["x"] - other["x"]) <= size + 1e-9
    )
    assert abs(np.log(task["w"] / other["w"])) <= size * np.log(100) + 1e-9


def test_a_step_always_finds_another_whole_or_listed_value() -> None:
    space, rng = (
        TaskSpace.of({"a": {"int": [0, 2]}, "s": {"choice": ["a", 1, True]}}),
        np.random.default_rng(0),
    )
    for task in space.tasks():
        assert all(repr(ParameterStep(space, 0.1)(task, rng)) != repr(task) for _ in range(20))
