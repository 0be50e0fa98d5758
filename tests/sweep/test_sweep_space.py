"""Spaces of overrides: what a grid lists, what draws give, what is refused."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlexp.base.errors import ConfigError
from rlexp.config.composition.override_syntax import parse
from rlexp.sweep.space.search_space import Space
from rlexp.sweep.space.space_of_overrides import space_of


def space(*overrides: str) -> Space:
    return space_of([parse(text) for text in overrides])


def test_a_grid_is_every_combination_in_the_order_written() -> None:
    found = list(space("b=1,2", "a=choice(x,y)", "c=range(0,4,2)").grid())
    assert len(found) == 8
    assert found[0] == {"b": "1", "a": "x", "c": "0"} and found[1] == {"b": "1", "a": "x", "c": "2"}
    assert found[-1] == {"b": "2", "a": "y", "c": "2"}


def test_lists_that_are_zipped_go_pairwise() -> None:
    found = list(space("a=tag(zip,choice(1,2))", "s=0,1", "b=tag(zip,choice(x,y))").grid())
    assert [(p["a"], p["b"], p["s"]) for p in found] == [
        ("1", "x", "0"),
        ("1", "x", "1"),
        ("2", "y", "0"),
        ("2", "y", "1"),
    ]


def test_two_zips_are_multiplied() -> None:
    found = space(
        "a=tag(zip1,choice(1,2))",
        "b=tag(zip1,choice(1,2))",
        "c=tag(zip2,choice(1,2))",
        "d=tag(zip2,choice(1,2))",
    )
    assert all(p["a"] == p["b"] and p["c"] == p["d"] for p in found.grid()) and len(list(found.grid())) == 4


@given(st.integers(0, 2**20), st.integers(1, 30))
def test_draws_depend_on_the_seed_alone_and_more_of_them_begin_with_the_same(seed: int, count: int) -> None:
    one = space("a=interval(0,1)", "b=x,y,z", "c=tag(int,interval(1,3))")
    few, many = (list(itertools.islice(one.draws(seed), n)) for n in (count, count + 5))
    assert many[:count] == few


@pytest.mark.parametrize(
    ("text", "low", "high", "middle"),
    [
        ("x=interval(2,4)", 2, 4, 3),
        ("x=tag(log,interval(1e-5,1e-1))", 1e-5, 1e-1, 1e-3),
        ("x=tag(one_minus,interval(0.9,0.9999))", 0.9, 0.9999, 1 - 10**-2.5),
        ("x=tag(int,log,interval(1,10000))", 1, 10000, 100),
    ],
)
def test_half_of_the_draws_lie_below_the_middle_of_the_scale(
    text: str, low: float, high: float, middle: float
) -> None:
    drawn = [float(point["x"]) for point in itertools.islice(space(text).draws(0), 2000)]
    assert all(low * (1 - 1e-5) <= x <= high * (1 + 1e-5) for x in drawn)
    assert sum(x < middle for x in drawn) / 2000 == pytest.approx(0.5, abs=0.04)


def test_powers_of_two_are_drawn_and_listed() -> None:
    one = space("x=tag(pow2,interval(30,300))")
    assert [point["x"] for point in one.grid()] == ["32", "64", "128", "256"]
    assert {point["x"] for point in itertools.islice(one.draws(0), 100)} == {"32", "64", "128", "256"}


def test_whole_numbers_include_both_bounds() -> None:
    drawn = {point["x"] for point in itertools.islice(space("x=tag(int,interval(2,4))").draws(0), 100)}
    assert drawn == {"2", "3", "4"}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["a=interval(0,1)"], "sweep=random"),
        (["a=interval(1,1)"], "is empty"),
        (["a=tag(log,interval(0,1))"], "above 0"),
        (["a=tag(one_minus,interval(0.5,1))"], "below 1"),
        (["a=tag(pow2,interval(33,63))"], "no power of two"),
        (["a=tag(log,one_minus,interval(0.1,0.5))"], "one scale"),
        (["a=tag(logg,interval(1,2))"], "unknown tag logg"),
        (["a=tag(log,choice(1,2))"], "unknown tag log"),
        (["a=tag(zip,choice(1,2))", "b=tag(zip,choice(1,2,3))"], "a has 2, b has 3"),
        (["a=range(0)"], "no value"),
    ],
)
def test_what_makes_no_sense_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        list(space(*overrides).grid())
