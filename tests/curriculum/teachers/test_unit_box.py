from __future__ import annotations

import numpy as np
import pytest

from rlexp.curriculum.teachers.parts.unit_box import UnitBox
from rlexp.environment.tasks.outcome import Outcome
from rlexp.environment.tasks.space import TaskSpace

SPACE = TaskSpace.of(
    {
        "wind": {"log_box": [0.1, 10]},
        "one": {"int": [7, 7]},
        "rooms": {"int": [1, 5]},
        "size": {"choice": [5, 11, 7]},
    }
)


def test_the_cube_has_the_parameters_that_can_move_and_logarithms_where_they_count() -> None:
    box = UnitBox(SPACE, "T")
    assert box.names == ["wind", "rooms", "size"]
    task = {"wind": 1.0, "one": 7, "rooms": 2, "size": 11}
    assert box.point(task) == pytest.approx([0.5, 0.25, 1.0])
    assert box.points([Outcome(task, 0, None, 0.0, 0.0, 1)]) == pytest.approx(np.array([[0.5, 0.25, 1.0]]))
    assert box.task(np.array([0.0, 0.30, 0.4])) == pytest.approx(
        {"wind": 0.1, "one": 7, "rooms": 2, "size": 7}
    )
    assert box.task(np.array([9.0, -1.0, 0.0])) == pytest.approx(
        {"wind": 10, "one": 7, "rooms": 1, "size": 5}
    )
    assert box.unit_values(np.array([1.0, 2.0, 11.0])) == pytest.approx([0.5, 0.25, 1.0])
    assert box.spans() == pytest.approx([np.log(100.0), 4.0, 6.0])


def test_whole_and_listed_values_between_two_corners_are_equally_likely() -> None:
    box, rng = UnitBox(SPACE, "T"), np.random.default_rng(0)
    low, high = np.array([0.5, 0.25, 0.0]), np.array([0.5, 0.75, 1.0])
    tasks = [box.task(box.draw(rng, low, high)) for _ in range(3000)]
    assert {round(task["wind"], 9) for task in tasks} == {1.0}
    for name, values in (("rooms", [2, 3, 4]), ("size", [5, 7, 11])):
        counts = [sum(task[name] == value for task in tasks) for value in values]
        assert sum(counts) == 3000 and min(counts) > 900
