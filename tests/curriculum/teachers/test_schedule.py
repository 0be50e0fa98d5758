from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlexp.base.errors import ConfigError
from rlexp.curriculum.teachers.schedule import Schedule
from rlexp.environment.tasks.outcome import TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

SPACE = TaskSpace.of(
    {
        "gravity": {"box": [-12, 0]},
        "wind": {"log_box": [0.1, 10]},
        "rooms": {"int": [1, 6]},
        "size": {"choice": [5, 7, 11]},
        "colour": {"choice": ["red", "blue"]},
    }
)


def at(steps: int, **parameters: Any) -> dict[str, Any]:
    teacher = Schedule(SPACE, seed=0, parameters=parameters)
    teacher.update([], TrainingProgress(steps, 1))
    return teacher.directive().sample(np.random.default_rng(0), 0).task


@pytest.mark.parametrize(
    ("shape", "quarter", "half"),
    [
        ("linear", -6.25, -7.5),
        ("cosine", -5 - 5 * (1 - math.cos(math.pi / 4)) / 2, -7.5),
        ("steps(2)", -5.0, -7.5),
        ("steps( 4 )", -6.25, -7.5),
    ],
)
def test_a_number_moves_by_its_shape_and_stays_at_its_end(shape: str, quarter: float, half: float) -> None:
    ramp = {"from": -5, "to": -10, "steps": 2e5, "shape": shape}
    assert at(0, gravity=ramp)["gravity"] == -5.0
    assert at(50_000, gravity=ramp)["gravity"] == pytest.approx(quarter)
    assert at(100_000, gravity=ramp)["gravity"] == pytest.approx(half)
    assert at(200_000, gravity=ramp)["gravity"] == at(900_000, gravity=ramp)["gravity"] == -10.0


def test_jumps_come_at_their_times() -> None:
    ramp = {"from": 1, "to": 6, "steps": 50, "shape": "steps(5)"}
    rooms = [at(steps, rooms=ramp)["rooms"] for steps in range(51)]
    assert rooms == [1 + steps // 10 for steps in range(51)]
    tenths = {"from": -10, "to": 0, "steps": 10, "shape": "steps(10)"}
    assert [at(steps, gravity=tenths)["gravity"] for steps in range(11)] == pytest.approx(range(-10, 1))


def test_logarithms_whole_and_listed_numbers() -> None:
    assert at(50, wind={"from": 0.1, "to": 10, "steps": 100})["wind"] == pytest.approx(1.0)
    assert at(50, rooms={"from": 6, "to": 1.0, "steps": 90})["rooms"] == 3
    assert [at(t, size={"from": 5, "to": 11, "steps": 6})["size"] for t in range(7)] == [
        5,
        5,
        7,
        7,
        7,
        11,
        11,
    ]
    task = at(100, rooms={"from": 6, "to": 1.0, "steps": 90})
    assert type(task["rooms"]) is int
    SPACE.check(task, "task")


def test_other_parameters_are_uniform_or_as_said() -> None:
    teacher = Schedule(
        SPACE,
        seed=0,
        parameters={"rooms": {"from": 1, "to": 6, "steps": 10}},
        sample={"colour": "red", "gravity": {"uniform": [-2, -1]}},
    )
    rng, directive = np.random.default_rng(0), teacher.directive()
    tasks = [directive.sample(rng, 0).task for _ in range(200)]
    assert {task["colour"] for task in tasks} == {"red"} and {task["size"] for task in tasks} == {5, 7, 11}
    assert all(-2 <= task["gravity"] <= -1 and task["rooms"] == 1 for task in tasks)


def test_it_changes_with_the_value_and_completes_when_all_have_arrived() -> None:
    rooms, gravity = {"from": 1, "to": 3, "steps": 100}, {"from": -5, "to": -5, "steps": 400}
    teacher = Schedule(SPACE, seed=0, parameters={"rooms": rooms, "gravity": gravity})
    changes = [teacher.update([], TrainingProgress(steps, 1)) for steps in (20, 40, 60, 80, 200)]
    assert changes == [False, True, False, True, False] and not teacher.complete
    assert teacher.metrics() == {"schedule": 0.5, "value/rooms": 3.0, "value/gravity": -5.0}
    assert not teacher.update([], TrainingProgress(400, 1)) and teacher.complete
    other = Schedule(SPACE, seed=1, parameters={"rooms": rooms, "gravity": gravity})
    other.load_state_dict(teacher.state_dict())
    assert other.complete and other.metrics() == teacher.metrics()


def test_a_bare_space_has_one_ramp() -> None:
    teacher = Schedule(TaskSpace.of({"int": [0, 9]}), seed=0, parameters={"from": 0, "to": 9, "steps": 9})
    teacher.update([], TrainingProgress(4, 1))
    assert teacher.directive().sample(np.random.default_rng(0), 0).task == 4


ends = st.sampled_from([("gravity", -12.0, 0.0), ("wind", 0.1, 10.0), ("rooms", 1, 6), ("size", 5, 11)])


@settings(deadline=None)
@given(ends, st.booleans(), st.sampled_from(["linear", "cosine", "steps(3)"]), st.lists(st.integers(0, 150)))
def test_values_stay_in_the_space_and_never_turn_back(
    end: tuple[str, float, float], down: bool, shape: str, times: list[int]
) -> None:
    name, low, high = end
    start, goal = (high, low) if down else (low, high)
    ramp = {"from": start, "to": goal, "steps": 100, "shape": shape}
    tasks = [at(steps, **{name: ramp}) for steps in sorted(times)]
    for task in tasks:
        SPACE.check(task, "task")
    assert [t[name] for t in tasks] == sorted((t[name] for t in tasks), reverse=down)


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"parameters": {}}, "parameters"),
        ({"parameters": {"room": {"from": 1, "to": 2, "steps": 5}}}, "parameters"),
        ({"parameters": {"rooms": 3}}, "parameters.rooms"),
        ({"parameters": {"rooms": {"from": 1, "steps": 5}}}, "parameters.rooms.to"),
        ({"parameters": {"rooms": {"from": 1, "to": 7, "steps": 5}}}, "parameters.rooms.to"),
        ({"parameters": {"rooms": {"from": 1, "to": 2}}}, "parameters.rooms.steps"),
        ({"parameters": {"rooms": {"from": 1, "to": 2, "steps": 0}}}, "parameters.rooms.steps"),
        ({"parameters": {"rooms": {"from": 1, "to": 2, "stps": 5}}}, "parameters.rooms.stps"),
        (
            {"parameters": {"rooms": {"from": 1, "to": 2, "steps": 5, "shape": "steps(0)"}}},
            "parameters.rooms.shape",
        ),
        ({"parameters": {"rooms": {"from": 1, "to": 2, "steps": 5, "shape": 3}}}, "parameters.rooms.shape"),
        ({"parameters": {"colour": {"from": "red", "to": "blue", "steps": 5}}}, "parameters.colour"),
        ({"parameters": {"rooms": {"from": 1, "to": 2, "steps": 5}}, "sample": {"rooms": 2}}, "sample.rooms"),
    ],
)
def test_a_bad_argument_is_told_with_its_key(arguments: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Schedule(SPACE, seed=0, **arguments)
    assert caught.value.key == f"curriculum.teacher.{key}"
