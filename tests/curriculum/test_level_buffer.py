"""The level buffer's arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlexp.curriculum.teachers.parts.level_buffer import (
    LevelBuffer,
    insert,
    probabilities,
    rank_weights,
    rescore,
    staleness_weights,
)


def buffer(scores: list[float], first: int = 0) -> LevelBuffer:
    rows = (first + np.arange(len(scores), dtype=float))[:, None]
    return LevelBuffer(rows, np.array(scores), np.zeros(len(scores)))


def test_ranks_weigh_by_their_power_and_ties_share() -> None:
    weights = np.array([1, 2 ** (-1 / 0.5), 3 ** (-1 / 0.5)])
    assert rank_weights(np.array([0.1, 0.9, 0.4]), 0.5) == pytest.approx(weights[[2, 0, 1]] / weights.sum())
    tied = np.array([(1 + 1 / 4) / 2, (1 + 1 / 4) / 2, 1 / 9])
    assert rank_weights(np.array([0.5, 0.5, 0.4]), 0.5) == pytest.approx(tied / tied.sum())


def test_staleness_is_time_since_the_last_episode() -> None:
    assert staleness_weights(np.array([4.0, 8.0, 10.0]), 10.0) == pytest.approx([0.75, 0.25, 0.0])
    assert staleness_weights(np.array([10.0, 10.0]), 10.0).tolist() == [0.5, 0.5]


def test_probabilities_mix_both() -> None:
    held = LevelBuffer(np.array([[0.0], [1.0]]), np.array([1.0, 0.0]), np.array([6.0, 2.0]))
    ranked = np.array([1, 0.5]) / 1.5
    assert probabilities(held, 10.0, 1.0, 0.3) == pytest.approx(0.7 * ranked + 0.3 * np.array([4, 8]) / 12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.05, 2), st.floats(0, 1))
def test_probabilities_sum_to_one_and_follow_the_scores(
    scores: list[float], heat: float, stale: float
) -> None:
    held = buffer(scores)
    chance = probabilities(held, 5.0, heat, stale)
    assert chance.sum() == pytest.approx(1) and (chance >= 0).all()
    assert (np.diff(chance[np.argsort(scores, kind="stable")]) >= -1e-12).all()


def test_new_levels_take_free_places_first_then_those_of_the_weakest() -> None:
    held = insert(LevelBuffer.empty(1), buffer([0.2, 0.6]), 3, np.zeros(0))
    held = insert(held, buffer([0.3, 0.1, 0.5], first=10), 3, np.array([0.8, 0.2]))
    # Level 1 comes first, being better than level 0.
    # 12 (0.5) takes the free place, 10 (0.3) that of level 0 (weight 0.2), 11 (0.1) none.
    assert held.rows[:, 0].tolist() == [1.0, 10.0, 12.0] and held.scores.tolist() == [0.6, 0.3, 0.5]


@given(
    st.lists(st.floats(0, 1), max_size=8),
    st.lists(st.floats(0, 1), min_size=1, max_size=12),
    st.integers(8, 10),
)
def test_a_buffer_never_overflows_nor_holds_a_level_twice(
    old: list[float], new: list[float], size: int
) -> None:
    before, arriving = buffer(old), buffer(new, first=100)
    weights, original = np.linspace(1, 2, len(old)), before.scores.copy()
    held = insert(before, arriving, size, weights)
    assert len(held) == min(size, len(old) + len(new)) and len(np.unique(held.rows)) == len(held)
    assert held.scores.sum() >= before.scores.sum() - 1e-12 and before.scores.tolist() == original.tolist()


def test_equal_scores_win() -> None:
    held = insert(buffer([0.5]), buffer([0.5], first=7), 1, np.ones(1))
    assert held.rows.tolist() == [[7.0]]


def test_scores_are_averaged_in_turn() -> None:
    at, scores, stamps = np.array([1, 1]), np.array([1.0, 0.0]), np.array([3.0, 4.0])
    held = buffer([0.2, 0.4])
    assert rescore(held, at, scores, stamps, 0.5).scores.tolist() == pytest.approx([0.2, 0.35])
    assert rescore(held, at, scores, stamps, 1.0).scores.tolist() == [0.2, 0.0]
    assert rescore(held, at, scores, stamps, 1.0).stamps.tolist() == [0.0, 4.0] and held.scores[1] == 0.4
