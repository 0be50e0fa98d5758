"""Statistics over seeds that the benchmarks tell."""

from __future__ import annotations

import numpy as np
import pytest
from harness import CHECKOUT


@pytest.fixture(autouse=True)
def _benchmarks_in_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    # As for the commands themselves, whose folder Python puts first.
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.9, 0.0, 0.3, 1.0, 0.6], 0.6), ([4.0, 1.0, 3.0, 2.0], 2.5), ([5.0], 5.0), ([*range(8)], 3.5)],
)
def test_interquartile_mean_leaves_out_the_outer_quarters(values: list[float], expected: float) -> None:
    from intervals import interquartile_mean

    assert interquartile_mean(np.array(values)) == pytest.approx(expected)
    assert interquartile_mean(np.array([values, values])).tolist() == pytest.approx([expected] * 2)


def test_interval_is_that_of_the_normal_where_there_are_many_values() -> None:
    from intervals import interval

    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    error = 1.96 * values.std() / 20
    assert interval(values) == pytest.approx((values.mean() - error, values.mean() + error), abs=0.02)


def test_interval_of_the_interquartile_mean_holds_it_and_is_a_point_where_seeds_agree() -> None:
    from intervals import interquartile_mean, interval

    low, high = interval([0.1, 0.5, 0.6, 0.7, 1.0], interquartile_mean)
    assert 0.1 <= low < 0.6 < high <= 1.0
    assert interval([0.4] * 5, interquartile_mean) == pytest.approx((0.4, 0.4))
