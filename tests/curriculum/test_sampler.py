"""Samplers as YAML values."""

from __future__ import annotations

import re

import numpy as np
import pytest
import yaml
from harness import CHECKOUT
from hypothesis import given
from hypothesis import strategies as st

from rlexp.base.errors import ConfigError
from rlexp.curriculum.teachers.staging.stage import stages_of
from rlexp.environment.tasks.sampler import Sampled, samplers
from rlexp.environment.tasks.space import TaskSpace

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
            {"wind": {"box": [1, 2]}},
            {"wind": {"int": [1, 20]}},
            {"wind": {"log_box": [0.5, 20]}},
            {"rooms": {"box": [2, 4]}},
            {"rooms": {"int": [2, 4]}},
            {"rooms": {"choice": [2, 4]}},
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
        ({"kind": {"box": [0, 1]}}, r"write: sample.kind: \{choice: \['ice', 'mud'\]\}"),
        ({"wind": {"box": [3, 3]}}, "one value only"),
        ({"wind": {"log_box": [0, 3]}}, "above 0"),
        ({"rooms": {"levels": 3}}, "reaches 0"),
        ({"rooms": [2, 3]}, r"write: sample.rooms: \{choice: \[2, 3\]\}"),
        ([], "must map"),
    ],
)
def test_what_cannot_be_drawn_is_refused(spec: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        samplers(SPACE, spec, "sample")


def test_what_the_task_space_takes_a_stage_takes_and_draws_all_of_it() -> None:
    spec = {
        "a": {"choice": ["x", "y"]},
        "b": {"int": [2, 5]},
        "c": {"box": [0, 15]},
        "d": {"log_box": [0.1, 10]},
    }
    space = TaskSpace.of({**spec, "e": {"levels": 40}})
    directive = Sampled(space, samplers(space, {**spec, "e": {"levels": 40}}, "task"))
    rng = np.random.default_rng(0)
    tasks = [directive.sample(rng, 0).task for _ in range(2000)]
    column = {name: [task[name] for task in tasks] for name in space.dims}
    assert (
        set(column["a"]) == {"x", "y"}
        and set(column["b"]) == {2, 3, 4, 5}
        and set(column["e"]) == set(range(40))
    )
    assert np.mean(column["c"]) == pytest.approx(7.5, abs=0.5) and max(column["c"]) > 14
    assert np.median(column["d"]) == pytest.approx(1.0, rel=0.3)
    alone = TaskSpace.of({"levels": 40})
    drawn = Sampled(alone, samplers(alone, {"int": [3, 4]}, "task"))
    assert {drawn.sample(rng, 0).task for _ in range(50)} == {3, 4}


def test_a_name_of_samplers_in_a_task_space_is_answered_with_the_spaces_own() -> None:
    with pytest.raises(ConfigError, match=r"write: curriculum.tasks.wind: \{box: \[0, 15\]\}"):
        TaskSpace.of({"wind": {"uniform": [0, 15]}})
    with pytest.raises(ConfigError, match=r"write: curriculum.tasks.rooms: \{choice: \[1, 2\]\}"):
        TaskSpace.of({"rooms": [1, 2], "wind": {"box": [0, 1]}})


def test_the_stages_in_the_documentation_are_taken() -> None:
    page = (CHECKOUT / "docs" / "curriculum.md").read_text(encoding="utf-8")
    written = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert written is not None
    config = yaml.safe_load(written[1])
    space = TaskSpace.of(config["tasks"])
    stages = stages_of(space, config["teacher"]["stages"], None, None)
    assert [stage.name for stage in stages] == ["calm", "breeze", "storm", "any"]
    for row in re.findall(r"^\| `(\{.*?\})`.*\|$", page, re.MULTILINE):
        spec = yaml.safe_load(row)
        whole = TaskSpace.of(
            {"p": {"choice": [2, 4, "a", "b"]}} if "choice" in spec else {"p": {"box": [-1, 5000]}}
        )
        assert samplers(whole, {"p": spec}, "task") or "choice" in spec
