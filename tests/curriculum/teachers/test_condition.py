from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlexp.base.errors import ConfigError
from rlexp.curriculum.teachers.staging.condition import RANGES, Comparison, Condition, Joined, parse

KEY = "curriculum.teacher.promote"


@pytest.mark.parametrize(
    ("text", "values", "met"),
    [
        ("success>=0.8 & episodes>=200", {"success": 0.8, "episodes": 200}, True),
        ("success>=0.8 & episodes>=200", {"success": 0.8, "episodes": 199}, False),
        ("success > 0.8", {"success": 0.8}, False),
        ("length<=50", {"length": 50.0}, True),
        ("length<50", {"length": 50.0}, False),
        ("return>-1.5e2", {"return": -149.0}, True),
        # `&` binds closer than `|`: met by the first alone.
        ("return>150 | steps>=10 & episodes>=5", {"return": 151.0}, True),
        ("(return>150 | steps>=10) & episodes>=5", {"return": 151.0}, False),
        ("(return>150 | custom/level_mean>=3) & steps>=1e5", {"custom/level_mean": 3.0, "steps": 1e5}, True),
        ('"curriculum/success/rooms=2">=.8', {"curriculum/success/rooms=2": 0.9}, True),
        ("steps>=100_000", {"steps": 99_999.0}, False),
        # What is not reported, or NaN, is not met, whichever way it is compared.
        ("eval/return_mean>=3", {}, False),
        ("eval/return_mean<3", {}, False),
        ("eval/return_mean<3", {"eval/return_mean": float("nan")}, False),
    ],
)
def test_conditions_hold_or_not(text: str, values: dict[str, float], met: bool) -> None:
    assert parse(text, KEY).met(values) is met


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "must be a condition, not ''"),
        ("sucess>=0.8", "sucess is unknown"),
        ("success>=0.8 & level_mean>3", "at character 16"),
        ("success=0.8", "'=' means nothing here, at character 8; write >="),
        ("success>=80%", "'%' means nothing here, at character 12"),
        ("success>=0.8 and steps>3", "at character 14; write &"),
        ("success>=0.8 && steps>3", "'&' stands twice, at character 15"),
        ("(success>=0.8", "expected ')', & or |, found the end, at character 14"),
        ("success>=0.8)", "expected & or |, found ')', at character 13"),
        ("success", "expected >=, <=, >, < after success, found the end"),
        ("0.8<success", "expected a name, found '0.8', at character 1"),
        ("success>=", "expected a number after success>="),
        ("success>=episodes", "expected a number after success>=, found 'episodes', at character 10"),
        ("steps>=1e999", "finite"),
        (" & ".join(["return>1"] * 17), "at most 16"),
        ("(" * 5000 + "return>1" + ")" * 5000, "at most 16"),
        ("success>1", "success>1 can never be met: success is from 0 to 1"),
        ("length<1", "length is at least 1"),
        ("success>=0.5 | success>1.1", "success>1.1 can never be met"),
        ("success>=0.8 & success<0.8", "success>=0.8 & success<0.8 can never be met"),
        ("a/b>2 & a/b<1", "can never be met"),
    ],
)
def test_what_is_no_condition_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, KEY)
    assert told in str(caught.value) and caught.value.key == KEY


def test_near_names_are_suggested_and_a_caret_points() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("steps>5 & episode>=200", KEY)
    assert caught.value.suggestions == ["episodes"]
    assert "    steps>5 & episode>=200\n              ^" in str(caught.value)


def test_names_are_each_told_once() -> None:
    names = parse("(return>1 | custom/x>=3) & (return>2 | steps>1)", KEY).names()
    assert names == ["return", "custom/x", "steps"]


def test_progress_is_the_share_of_what_has_come_least_far() -> None:
    condition = parse("success>=0.8 & episodes>=200", KEY)
    assert condition.progress({"success": 0.4, "episodes": 150}) == pytest.approx(0.5)
    assert condition.progress({"success": 0.4}) == 0.0
    either = parse("success>=0.8 | episodes>=200", KEY)
    assert either.progress({"success": 0.4, "episodes": 150}) == pytest.approx(0.75)
    assert parse("return>=-5", KEY).progress({"return": -10.0}) == 0.0
    assert parse("length<=50", KEY).progress({"length": 60.0}) == 0.0
    assert parse("return>=10", KEY).progress({"return": -3.0}) == 0.0


comparisons = st.builds(
    Comparison,
    st.sampled_from([*RANGES, "custom/level_mean", "a/b=c d"]),
    st.sampled_from([">=", ">", "<=", "<"]),
    st.integers(2, 8).map(lambda n: n / 10),
).filter(lambda c: not (c.name == "length" and c.sign[0] == "<"))
conditions = st.recursive(
    comparisons,
    lambda inner: st.builds(
        Joined, st.sampled_from("&|"), st.lists(inner, min_size=2, max_size=3).map(tuple)
    ),
    max_leaves=6,
)
unit = st.floats(0, 1)
values = st.fixed_dictionaries(
    {},
    optional={
        "success": unit,
        "length": st.floats(1, 10),
        **dict.fromkeys(("return", "score", "episodes", "steps", "custom/level_mean", "a/b=c d"), unit),
    },
)


@settings(deadline=None)
@given(conditions, values)
def test_a_condition_is_met_when_one_of_its_ways_is_and_text_says_the_same(
    condition: Condition, known: dict[str, float]
) -> None:
    met = condition.met(known)
    assert met == any(all(c.met(known) for c in way) for way in condition.ways())
    assert 0.0 <= condition.progress(known) <= 1.0 and (not met or condition.progress(known) == 1.0)
    try:
        again = parse(str(condition), KEY)
    except ConfigError as error:
        assert "never be met" in str(error) and not met
    else:
        assert again.met(known) == met and again.names() == condition.names()
