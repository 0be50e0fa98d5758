"""`log_metric` with RLlib's own loggers: one per runner, merged by a root."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlexp.metrics.log import log_metric
from rlexp.metrics.result_to_record import flatten

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


def merged(*iterations: list[list[float]]) -> list[dict[str, Any]]:
    """The records of iterations, each given as the values that each runner logs."""
    from ray.rllib.utils.metrics.metrics_logger import MetricsLogger

    root, runners = MetricsLogger(root=True), [MetricsLogger() for _ in iterations[0]]
    records = []
    for number, iteration in enumerate(iterations, start=1):
        for runner, values in zip(runners, iteration, strict=True):
            for value in values:
                log_metric(runner, "m", value)
        root.aggregate([runner.reduce() for runner in runners], key="env_runners")
        records.append(flatten({**root.reduce(compile=True), "training_iteration": number}))
    return records


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.lists(NUMBERS, max_size=4), min_size=3, max_size=3), min_size=1, max_size=3))
def test_any_values_on_three_runners_merge_exactly(iterations: list[list[list[float]]]) -> None:
    for record, iteration in zip(merged(*iterations), iterations, strict=True):
        values = [value for runner in iteration for value in runner]
        logged = {name: value for name, value in record.items() if name.startswith("custom/")}
        if not values:
            assert logged == {}
            continue
        assert logged["custom/m_mean"] == pytest.approx(sum(values) / len(values), rel=1e-9, abs=1e-6)
        assert logged["custom/m_min"] == min(values)
        assert logged["custom/m_max"] == max(values)


def test_nan_is_kept_and_forgotten_with_its_iteration() -> None:
    first, second = merged([[1.0, math.nan], [2.0]], [[3.0], []])
    assert math.isnan(first["custom/m_mean"])
    assert second["custom/m_mean"] == 3.0


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a--b", "1st"])
def test_names_that_rllib_or_trackers_would_break_are_refused(name: str) -> None:
    from ray.rllib.utils.metrics.metrics_logger import MetricsLogger

    with pytest.raises(ValueError, match="cannot be a metric's name"):
        log_metric(MetricsLogger(), name, 1.0)
