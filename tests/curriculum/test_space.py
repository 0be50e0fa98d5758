"""Task spaces: what they hold, how tasks become numbers and back, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlexp.base.errors import ConfigError
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import task_key

numbers = st.floats(-100, 100, allow_nan=False, width=32)
dimensions = st.one_of(
    st.builds(lambda low, more: {"int": [low, low + more]}, st.integers(-5, 5), st.integers(0, 9)),
    st.builds(lambda low, more: {"box": [low, low + more]}, numbers, st.floats(0.125, 50, width=32)),
    st.builds(lambda low, more: {"log_box": [low, low * more]}, st.floats(0.125, 9), st.floats(1.5, 50)),
    st.builds(lambda values: {"choice": values}, st.lists(st.integers(-9, 9), min_size=1, unique=True)),
    st.builds(
        lambda values: {"choice": values}, st.lists(st.text("abc", min_size=1), min_size=1, unique=True)
    ),
    st.builds(lambda count: {"levels": count}, st.integers(1, 10**9)),
)
spaces = st.one_of(
    dimensions, st.dictionaries(st.text("xyz", min_size=1), dimensions, min_size=1, max_size=4)
)


@given(spaces, st.integers(0, 2**32))
def test_every_drawn_task_lies_in_the_space_and_its_numbers_between_0_and_1(spec: dict, seed: int) -> None:
    space = TaskSpace.of(spec)
    task = space.sample(np.random.default_rng(seed))
    space.check(task, "task")
    encoded = space.encode(task)
    assert encoded.shape == (space.width,) and encoded.dtype == np.float32
    assert np.all(encoded >= -1e-6) and np.all(encoded <= 1 + 1e-6)


@given(spaces, st.integers(0, 2**32))
def test_the_same_seed_draws_the_same_task(spec: dict, seed: int) -> None:
    space = TaskSpace.of(spec)
    one, other = (task_key(space.sample(np.random.default_rng(seed))) for _ in range(2))
    assert one == other


@given(
    st.dictionaries(
        st.sampled_from("abc"),
        st.one_of(st.just({"int": [-2, 5]}), st.just({"box": [-1.5, 2.0]}), st.just({"choice": [1, 4, 9]})),
        min_size=1,
    ),
    st.lists(st.floats(-20, 20), min_size=3, max_size=3),
    st.integers(0, 99),
)
def test_vectors_become_the_nearest_task_and_tasks_their_vector(
    spec: dict, anywhere: list, seed: int
) -> None:
    space = TaskSpace.of(spec)
    space.check(space.from_vector(np.array(anywhere[: len(spec)])), "task")
    task = space.sample(np.random.default_rng(seed))
    assert space.from_vector(space.vector(task)) == pytest.approx(task)


def test_all_tasks_are_listed_in_order() -> None:
    space = TaskSpace.of({"rooms": {"choice": [2, 6]}, "size": {"int": [4, 5]}})
    assert space.size == 4
    assert space.tasks() == [
        {"rooms": 2, "size": 4},
        {"rooms": 2, "size": 5},
        {"rooms": 6, "size": 4},
        {"rooms": 6, "size": 5},
    ]
    assert TaskSpace.of({"levels": 3}).tasks() == [0, 1, 2]


def test_names_are_one_hot_and_numbers_ranked() -> None:
    space = TaskSpace.of({"kind": {"choice": ["ice", "mud"]}, "rooms": {"choice": [6, 2, 4]}})
    assert space.encode({"kind": "mud", "rooms": 4}).tolist() == [0.0, 1.0, 0.5]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "must map parameters"),
        ([1], "must map parameters"),
        ({"rooms": {"ints": [1, 2]}}, "curriculum.tasks.rooms must be one of"),
        ({"rooms": {"int": [4, 1]}}, "4 is above 1"),
        ({"rooms": {"int": [1.5, 3]}}, "must be whole numbers"),
        ({"wind": {"box": [1, 1]}}, "holds one value only"),
        ({"wind": {"log_box": [0, 1]}}, "must lie above 0"),
        ({"wind": {"box": [0, float("nan")]}}, "must be \\[low, high\\]"),
        ({"kind": {"choice": []}}, "at least one value"),
        ({"kind": {"choice": [1, 1]}}, "a value twice"),
        ({"levels": 0}, "at least 1"),
    ],
)
def test_what_is_no_space_is_refused(spec: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TaskSpace.of(spec)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"rooms": 7}, "rooms must be a whole number from 1 to 6, not 7"),
        ({"rooms": 2.5}, "whole number"),
        ({"rooms": True}, "whole number"),
        ({"room": 2}, "has no room"),
        ({}, "lacks rooms"),
        (3, "maps rooms to values"),
    ],
)
def test_a_task_outside_is_refused_with_what_may_be(task: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TaskSpace.of({"rooms": {"int": [1, 6]}}).check(task, "curriculum.targets[0]")


def test_a_continuum_and_a_huge_space_have_no_list_and_names_no_bounds() -> None:
    for spec in ({"wind": {"box": [0, 1]}}, {"levels": 10**6}):
        with pytest.raises(ConfigError, match="needs a list of tasks"):
            TaskSpace.of(spec).tasks()
    with pytest.raises(ConfigError, match="needs numbers between bounds"):
        TaskSpace.of({"choice": ["a", "b"]}).bounds("ADR")
