"""Samplers as YAML values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlexp.curriculum.sampler import Sampled, samplers
from rlexp.curriculum.space import TaskSpace
from rlexp.errors import ConfigError

SPACE = TaskSpace.of(
    {"wind": {"box": [0.5, 20]}, "rooms": {"int": [1, 6]}, "kind": {"choice": ["ice", "mud"]}}
)


def drawn(spec: dict, name: str, count: int = 4000) -> list:
    directive, rng = Sampled(SPACE, samplers(SPACE, spec, "sample")), np.random.default_rng(0)
    return [directive.sample(rng, 0).task[name] for _ in range(count)]


@given(
    st.sampled_from(
        [
            {"wind": 3.0},
            {"wind": {"uniform": [1, 2]}},
            {"wind": {"log_uniform": [1, 20]}},
            {"wind": {"gaussian": [19, 5]}},
            {"wind": {"ranges": [[1, 2], [18, 20]]}},
            {"rooms": {"uniform": [2, 4]}},
            {"rooms": {"gaussian": [1, 3]}},
            {"rooms": {"log_uniform": [1, 6]}},
            {"kind": {"choice": ["mud"]}},
        ]
    ),
    st.integers(0, 10**6),
)
def test_whatever_is_drawn_lies_in_the_space(spec: dict, seed: int) -> None:
    directive = Sampled(SPACE, samplers(SPACE, spec, "sample"))
    SPACE.check(directive.sample(np.random.default_rng(seed), 0).task, "task")


def test_whole_numbers_are_equally_likely_bounds_included() -> None:
    values, counts = np.unique(drawn({"rooms": {"uniform": [2, 4]}}, "rooms"), return_counts=True)
    assert values.tolist() == [2, 3, 4]
    assert np.all(np.abs(counts / 4000 - 1 / 3) < 0.03)


def test_ranges_are_as_likely_as_they_are_long_and_nothing_lies_between() -> None:
    wind = np.array(drawn({"wind": {"ranges": [[1, 2], [10, 13]]}}, "wind"))
    assert not np.any((wind > 2) & (wind < 10))
    assert np.mean(wind < 5) == pytest.approx(0.25, abs=0.03)


def test_log_uniform_has_the_geometric_mean_in_its_middle() -> None:
    assert np.median(drawn({"wind": {"log_uniform": [1, 16]}}, "wind")) == pytest.approx(4.0, rel=0.1)


def test_a_gaussian_is_cut_at_the_bounds_and_whole_where_they_are() -> None:
    wind = np.array(drawn({"wind": {"gaussian": [10, 2]}}, "wind"))
    assert (wind.mean(), wind.std()) == (pytest.approx(10, abs=0.2), pytest.approx(2, abs=0.2))
    assert set(drawn({"rooms": {"gaussian": [6, 2]}}, "rooms")) == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"rain": 3}, "has no rain"),
        ({"wind": 30}, "must be a number from 0.5 to 20"),
        ({"wind": {"uniform": [0, 5]}}, "reaches 0"),
        ({"wind": {"uniform": [5, 1]}}, "5 is above 1"),
        ({"wind": {"unifrom": [1, 5]}}, "a sampler is a value or one of"),
        ({"wind": {"gaussian": [5, -1]}}, "below 0"),
        ({"wind": {"ranges": []}}, "list of"),
        ({"rooms": {"choice": [2, 7]}}, "reaches 7"),
        ({"kind": {"uniform": [0, 1]}}, "needs a range"),
        ([], "must map"),
    ],
)
def test_what_cannot_be_drawn_is_refused(spec: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        samplers(SPACE, spec, "sample")
