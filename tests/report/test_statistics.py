"""Statistics of few runs against scipy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap, trim_mean

from rlexp.base.statistics import estimate, improvement, iqm, normalised, profile

few = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30).map(np.array)


@given(few)
def test_the_interquartile_mean_is_scipys_trimmed_mean(scores: np.ndarray) -> None:
    assert iqm(scores) == pytest.approx(trim_mean(scores, 0.25), abs=1e-9)


def test_it_is_taken_along_the_first_axis() -> None:
    scores = np.arange(24.0).reshape(8, 3)
    assert iqm(scores).tolist() == [iqm(scores[:, at]) for at in range(3)]


def test_the_interval_is_the_percentile_bootstraps() -> None:
    scores = np.random.default_rng(3).normal(size=20)
    ours = estimate({"": scores}, resamples=9000)
    theirs = bootstrap(
        (scores,), lambda x, axis: trim_mean(x, 0.25, axis=axis), method="percentile", n_resamples=9000
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.03)
    assert ours.low < ours.value < ours.high


def test_resampling_keeps_each_task_at_its_number_of_runs() -> None:
    """One task's runs are all 0, the other's all 1: whatever is drawn, the mean stays."""
    found = estimate({"a": np.zeros(4), "b": np.ones(4)})
    assert (found.low, found.value, found.high) == (0.5, 0.5, 0.5)


@given(few, few)
def test_who_is_better_adds_up_to_one(a: np.ndarray, b: np.ndarray) -> None:
    there = improvement({"": a}, {"": b}, resamples=20)
    back = improvement({"": b}, {"": a}, resamples=20)
    assert there.value + back.value == pytest.approx(1.0)
    assert 0.0 <= there.low <= there.high <= 1.0


def test_the_probability_counts_pairs_and_half_of_ties() -> None:
    found = improvement({"": np.array([1.0, 2.0])}, {"": np.array([1.0, 0.0])})
    assert found.value == (0.5 + 1.0 + 1.0 + 1.0) / 4


@given(few)
def test_a_profile_falls_from_all_runs_to_none(scores: np.ndarray) -> None:
    at = np.concatenate([[scores.min() - 1.0], np.sort(scores)])
    share, low, high = profile({"": scores}, at, resamples=50)
    assert share[0] == 1.0 and share[-1] == 0.0
    assert (np.diff(share) <= 0).all() and (low <= high).all()


def test_scores_of_several_tasks_are_scaled_by_the_runs_of_all_arms() -> None:
    one, other = normalised([{"a": np.array([0.0, 10.0]), "b": np.array([5.0])}, {"b": np.array([3.0, 7.0])}])
    assert one["a"].tolist() == [0.0, 1.0] and one["b"].tolist() == [0.5]
    assert other["b"].tolist() == [0.0, 1.0]
    assert normalised([{"a": np.array([4.0])}])[0]["a"].tolist() == [4.0]
