from __future__ import annotations

import pickle
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlexp.base.errors import ConfigError
from rlexp.curriculum.teachers.ladder import Ladder
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

SPACE = TaskSpace.of({"rooms": {"int": [3, 5]}, "wind": {"box": [0, 1]}})


def play(teacher: Ladder, scores: dict[int, list[float]]) -> bool:
    """Episodes by slot, all drawn by the present directive."""
    directive, rng = teacher.directive(), np.random.default_rng(0)
    outcomes = []
    for env_index, slots_scores in scores.items():
        for score in slots_scores:
            draw = directive.sample(rng, env_index)
            outcomes.append(Outcome(draw.task, 0, draw.tag, score, 0.0, 1, env_index))
    return teacher.update(outcomes, TrainingProgress(0, 0))


def rooms(teacher: Ladder, slots: int = 4) -> list[int]:
    directive, rng = teacher.directive(), np.random.default_rng(0)
    return [directive.sample(rng, env_index).task["rooms"] for env_index in range(slots)]


def test_each_slot_goes_up_and_down_by_its_own_episodes_and_no_further_than_the_ends() -> None:
    teacher = Ladder(SPACE, seed=0)
    assert rooms(teacher) == [3, 3, 3, 3]
    assert play(teacher, {0: [1.0], 2: [0.8], 1: [0.79]}) and rooms(teacher) == [4, 3, 4, 3]
    assert play(teacher, {0: [1.0], 2: [0.0]}) and rooms(teacher) == [5, 3, 3, 3]
    assert not play(teacher, {0: [1.0], 1: [0.0]}) and rooms(teacher) == [5, 3, 3, 3]
    assert teacher.metrics() == {"level_mean": 2 / 3, "level_min": 0.0, "level_max": 2.0, "top": 1 / 3}


def test_of_episodes_drawn_at_one_level_only_the_first_that_moves_counts() -> None:
    teacher = Ladder(SPACE, seed=0)
    assert play(teacher, {0: [0.0, 1.0, 1.0, 1.0]}) and rooms(teacher, 1) == [4]
    late = Outcome({"rooms": 3, "wind": 0.0}, 0, 0, 1.0, 0.0, 1, 0)
    assert not teacher.update([late] * 5, TrainingProgress(0, 0))
    # Up and down again: the level is the old one, the draws of then are still old.
    assert play(teacher, {0: [0.0]}) and rooms(teacher, 1) == [3]
    assert not teacher.update([late] * 5, TrainingProgress(0, 0)) and rooms(teacher, 1) == [3]


def test_with_promotion_only_failures_take_nothing() -> None:
    teacher = Ladder(SPACE, seed=0, demote=False)
    play(teacher, {0: [0.0, 1.0]})
    assert not play(teacher, {0: [0.0]}) and rooms(teacher, 1) == [4]


def test_the_levels_of_a_choice_are_in_its_order_and_the_rest_is_as_said() -> None:
    space = TaskSpace.of({"map": {"choice": ["hall", "maze", "city"]}, "wind": {"box": [0, 1]}})
    teacher = Ladder(space, seed=0, sample={"wind": 0.5})
    seen = []
    for _ in range(3):
        seen.append(teacher.directive().sample(np.random.default_rng(0), 0).task)
        assert not teacher.complete or len(seen) == 3
        play(teacher, {0: [1.0]})
    assert [task["map"] for task in seen] == ["hall", "maze", "city"] and teacher.complete
    assert {task["wind"] for task in seen} == {0.5}


@settings(deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1)), max_size=12), max_size=12), st.booleans()
)
def test_levels_stay_in_the_space_and_move_by_one(
    batches: list[list[tuple[int, float]]], demote: bool
) -> None:
    teacher = Ladder(SPACE, seed=0, demote=demote)
    for batch in batches:
        before = np.array(rooms(teacher, 8))
        scores: dict[int, list[float]] = {}
        for env_index, score in batch:
            scores.setdefault(env_index, []).append(score)
        changed = play(teacher, scores)
        after = np.array(rooms(teacher, 8))
        assert after.min() >= 3 and after.max() <= 5 and np.abs(after - before).max() <= 1
        assert changed == (after != before).any() and (demote or (after >= before).all())


def test_many_slots_and_levels_are_small_and_fast() -> None:
    teacher = Ladder(TaskSpace.of({"levels": 1_000_000}), seed=0)
    outcomes = [Outcome(0, 0, 0, 1.0, 0.0, 1, env_index) for env_index in range(0, 10_240, 20)]
    teacher.update(outcomes, TrainingProgress(0, 0))
    took = []
    for moves in range(1, 6):
        again = [Outcome(moves, 0, moves, 1.0, 0.0, 1, o.env_index) for o in outcomes]
        begin = time.perf_counter()
        assert teacher.update(again, TrainingProgress(0, 0))
        took.append(time.perf_counter() - begin)
    assert min(took) < 0.02
    assert len(pickle.dumps(teacher.directive())) < 200_000
    assert teacher.directive().sample(np.random.default_rng(0), 20).task == 6


@pytest.mark.parametrize(
    ("spec", "arguments", "key"),
    [
        ({"rooms": {"int": [1, 3]}, "doors": {"int": [1, 3]}}, {}, "parameter"),
        ({"wind": {"box": [0, 1]}}, {}, "parameter"),
        ({"rooms": {"int": [2, 2]}}, {}, "parameter"),
        ({"rooms": {"int": [1, 3]}}, {"parameter": "room"}, "parameter"),
        ({"rooms": {"int": [1, 3]}, "wind": {"box": [0, 1]}}, {"parameter": "wind"}, "parameter"),
        ({"rooms": {"int": [1, 3]}}, {"threshold": "x"}, "threshold"),
        ({"rooms": {"int": [1, 3]}}, {"demote": 1}, "demote"),
        ({"rooms": {"int": [1, 3]}}, {"sample": {"rooms": 2}}, "sample.rooms"),
    ],
)
def test_a_bad_argument_is_told_with_its_key(spec: Any, arguments: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Ladder(TaskSpace.of(spec), seed=0, **arguments)
    assert caught.value.key == f"curriculum.teacher.{key}"
