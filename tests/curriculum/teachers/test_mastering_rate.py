"""Mastering rates, attention and the graph against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlexp.base.errors import ConfigError
from rlexp.curriculum.teachers.mastering_rate import MasteringRate
from rlexp.curriculum.teachers.parts.task_graph import TaskGraph
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace

CHAIN = TaskSpace.of({"int": [0, 2]})
FOUR = TaskSpace.of({"a": {"int": [0, 1]}, "b": {"int": [0, 1]}})


def told(teacher: MasteringRate, *scores: float) -> bool:
    return teacher.update(
        [Outcome(at, 0, at, s, 0.0, 1) for at, s in enumerate(scores)], TrainingProgress(0, 0)
    )


def chances(teacher: MasteringRate) -> list[float]:
    return np.diff(teacher.directive().cdf, prepend=np.float32(0)).tolist()  # type: ignore[attr-defined]


def test_at_first_only_the_beginning_gets_attention() -> None:
    teacher = MasteringRate(CHAIN, seed=0)
    assert teacher.attention().tolist() == [0.5, 0.0, 0.0]
    assert chances(teacher) == pytest.approx([0.95, 0.05, 0.0], abs=1e-6)


def test_attention_follows_the_formula() -> None:
    teacher = MasteringRate(CHAIN, seed=0)
    told(teacher, 0.8, 0.1, 0.0)
    told(teacher, 1.0, 0.4, 0.1)
    rates, slopes = [0.9, 0.25, 0.05], [0.2, 0.3, 0.1]
    ready, after = [1.0, 0.9**6, 0.25**6], [0.25, 0.05, 0.0]
    wish = [0.5 * s / 0.3 + 0.5 * (1 - m) for s, m in zip(slopes, rates, strict=True)]
    attention = [r * w * (1 - a) for r, w, a in zip(ready, wish, after, strict=True)]
    assert teacher.attention() == pytest.approx(attention)
    first, second, third = attention
    second, third = second + 0.2 * third, 0.8 * third
    first, second = first + 0.2 * second, 0.8 * second
    passed = [0.95 * first, 0.95 * second + 0.05 * first, third + 0.05 * second]
    assert chances(teacher) == pytest.approx(np.array(passed) / sum(passed), abs=1e-6)
    assert teacher.metrics()["mastered"] == 1.0


def test_scores_are_scaled_by_their_range() -> None:
    teacher = MasteringRate(CHAIN, seed=0, score_range=[0, 0.5])
    told(teacher, 0.25, 0.5, 9.0)
    assert teacher.state_dict()["rates"].tolist() == [0.5, 1.0, 1.0]


def test_when_all_is_mastered_the_draw_is_uniform() -> None:
    teacher = MasteringRate(CHAIN, seed=0)
    told(teacher, 1.0, 1.0, 1.0)
    assert chances(teacher) == pytest.approx([1 / 3] * 3, abs=1e-6)


def test_the_grid_puts_each_value_before_the_next() -> None:
    graph = TaskGraph(FOUR, None)  # 0: a=0 b=0, 1: a=0 b=1, 2: a=1 b=0, 3: a=1 b=1
    assert sorted(zip(graph.easier.tolist(), graph.harder.tolist(), strict=True)) == [
        (0, 1),
        (0, 2),
        (1, 3),
        (2, 3),
    ]
    values = np.array([0.5, 0.2, 0.9, 0.7])
    assert graph.lowest_before(values).tolist() == [1.0, 0.5, 0.5, 0.2]
    assert graph.lowest_after(values).tolist() == [0.2, 0.7, 0.7, 0.0]
    assert graph.pass_back(np.array([0, 0, 0, 1.0]), 0.5).tolist() == [0.25, 0.125, 0.125, 0.5]
    assert graph.pass_on(np.array([1.0, 0, 0, 0]), 0.5).tolist() == [0.5, 0.25, 0.25, 0]


@given(st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda e: e[0] < e[1]), max_size=15))
def test_what_is_passed_is_neither_lost_nor_made(edges: set[tuple[int, int]]) -> None:
    graph = TaskGraph(TaskSpace.of({"levels": 7}), sorted(edges))
    values = np.arange(7) + 1.0
    for passed in (graph.pass_back(values, 0.2), graph.pass_on(values, 0.05)):
        assert passed.sum() == pytest.approx(values.sum()) and (passed >= 0).all()


def test_edges_may_come_in_any_order_and_reach_over_several_tasks() -> None:
    graph = TaskGraph(TaskSpace.of({"levels": 4}), [[2, 3], [0, 2]])
    assert graph.lowest_before(np.array([0.1, 0.0, 0.5, 0.5])).tolist() == [1.0, 1.0, 0.1, 0.1]


@pytest.mark.parametrize(
    ("edges", "match"),
    [
        (
            [[0, 1], [1, 2], [2, 0]],
            r"cycle: (0 before 1 before 2 before 0|1 before 2 before 0 before 1|2 before 0)",
        ),
        ([[1, 1]], "cycle: 1 before 1"),
        ([[2, 1], [1, 2], [0, 1]], r"cycle: (1 before 2 before 1|2 before 1 before 2)"),
        ([[0, 1], [0, 1]], "twice"),
        ([[0, 3]], "whole number from 0 to 2"),
        ([0, 1], "easier, harder"),
    ],
)
def test_bad_edges_are_refused(edges: list[object], match: str) -> None:
    with pytest.raises(ConfigError, match=match) as caught:
        MasteringRate(CHAIN, seed=0, edges=edges)
    assert str(caught.value.key).startswith("curriculum.teacher.edges")
