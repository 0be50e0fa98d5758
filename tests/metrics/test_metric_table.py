"""Each row of the table of metrics is in the docs, accepted by settings and read by all that shows or ranks metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import CHECKOUT, tiny

from rlexp.base.headline_metrics import METRIC, METRICS, SUMMARISED, Metric, comes_with_evaluation, mode_of
from rlexp.metrics.result_to_record import flatten
from rlexp.run.building.prepare import all_metrics
from rlexp.sweep.settings import to_settings

WITH_ALL = [
    "env=cartpole",
    "evaluation.evaluation_interval=1",
    "curriculum=learning_progress",
    "curriculum.tasks={length: {int: [1, 5]}}",
    "curriculum.apply=attributes",
    "metrics.success={info: success}",
]


@pytest.fixture(scope="module")
def known_names() -> Any:
    return all_metrics(tiny(*WITH_ALL))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_row_says_what_the_metric_is_and_its_name_is_accepted_as_a_stop_rule(
    metric: Metric, known_names: Any
) -> None:
    assert metric.what.endswith(".") and metric.what[0].isupper() or metric.what[0].isdigit()
    known_names.check(metric.name, "stop.metric")
    assert comes_with_evaluation(metric.name) == ("evaluation" in metric.needs)
    if metric.chart in ("iteration time", "runner time"):
        assert metric.label and metric.unit == "s"


def test_names_are_unique_and_the_page_has_the_very_table() -> None:
    import sys

    sys.path.insert(0, str(CHECKOUT / "tools"))
    try:
        import metric_docs
    finally:
        sys.path.remove(str(CHECKOUT / "tools"))
    assert len(METRIC) == len(METRICS)
    page = metric_docs.PAGE.read_text()
    assert metric_docs.on_page(page) == metric_docs.table(), "run: python tools/metric_docs.py --write"


def test_a_row_with_a_path_is_all_that_a_headline_metric_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every row with a path, its number arrives under its name and nowhere else."""
    for metric in METRICS:
        for path in metric.source:
            record = flatten(_result_with(path))
            assert record[metric.name] == 3, metric.name
            assert not [name for name in record if "custom/" in name], (metric.name, record)


def _result_with(path: str) -> dict[str, Any]:
    """The least of RLlib's result, with 3 at a path."""
    result: dict[str, Any] = {
        "training_iteration": 1,
        "timers": {"per_iteration": 1.0},
        "env_runners": {"num_episodes": 2},
        "evaluation": {"num_healthy_workers": 0, "env_runners": {"num_episodes": 2}},
    }
    part, keys = result, path.split("/")
    for key in keys[:-1]:
        part = part.setdefault(key, {})
    part[keys[-1]] = 3
    return result


@pytest.mark.parametrize(
    ("metric", "mode", "chosen"),
    [
        ("auto", "auto", "max"),
        ("eval/return_mean", "auto", "max"),
        ("perf/iteration_s", "auto", "min"),
        ("perf/iteration_s", "max", "max"),
        ("custom/energy_mean", "auto", "max"),
    ],
)
def test_a_sweep_takes_the_better_direction_from_the_table(metric: str, mode: str, chosen: str) -> None:
    assert to_settings({"metric": metric, "mode": mode}).mode == chosen


def test_best_values_go_by_the_direction() -> None:
    assert METRIC["train/return_mean"].best(1.0, 2.0) == 2.0
    assert METRIC["perf/iteration_s"].best(1.0, 2.0) == 1.0
    assert [mode_of(metric.name) for metric in SUMMARISED] == ["max"] * 4
    names = ["return_mean", "eval_return_mean", "success_rate", "eval_success_rate"]
    assert [metric.summary for metric in SUMMARISED] == names


def test_a_report_ranks_by_the_direction_and_draws_shares_in_percent(tmp_path: Path) -> None:
    from rlexp.report.analysis.arms import arms_of
    from rlexp.report.analysis.selection import objective_of
    from rlexp.report.drawing.charts import curves
    from rlexp.report.reading import Run

    rows = [{"env_steps": at, "perf/iteration_s": 1.0, "train/success_rate": 0.5} for at in (1, 2)]
    run = Run(tmp_path, {}, {}, {}, rows)
    objective = objective_of([tmp_path], [run], ["perf/iteration_s"])
    assert objective is not None and objective.lower
    axes = []
    for name in ("train/success_rate", "perf/iteration_s"):
        chart = curves(arms_of([run]), name)
        assert chart is not None
        axes.append(json.dumps(chart.spec))
    assert '"~%"' in axes[0] and "perf/iteration_s (s)" in axes[1] and '"~%"' not in axes[1]
