"""A metric that a setting reads and nothing logs is told while the run trains, and stands in its summary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness import tiny

import rlexp
from rlexp.run.health import ITERATIONS, REPORTS, AwaitedMetrics


def said(records: list[dict[str, Any]], unseen: dict[str, str]) -> list[str]:
    lines: list[str] = []
    listener = AwaitedMetrics(unseen, lines.append)
    for number, record in enumerate(records, 1):
        listener.on_record({"env_steps": 100 * number, "iteration": number, **record})
    return lines


def test_a_metric_that_does_not_come_is_told_once_after_some_reports() -> None:
    unseen = {"custom/pace_mean": "stop.metric.custom/pace_mean"}
    episodes = {"train/return_mean": 1.0}
    assert said([episodes] * (REPORTS - 1), unseen) == []
    (line,) = said([episodes] * 3 * REPORTS, unseen)
    assert line.startswith(
        "stop.metric.custom/pace_mean: custom/pace_mean has not been logged in 10 iterations (1,000"
    )
    assert said([episodes] * REPORTS, {}) == []
    assert said([{}] * (ITERATIONS - 1), unseen) == [] and len(said([{}] * ITERATIONS, unseen)) == 1


def test_the_summary_has_it_too(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "silent_metric.py").write_text(
        "from ray.rllib.callbacks.callbacks import RLlibCallback\n"
        "class Silent(RLlibCallback):\n    METRICS = ('pace',)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    trusted = "trusted=[rlexp,envs,callbacks,ray.rllib,silent_metric]"
    callback = "+callbacks.silent={_target_: silent_metric.Silent}"
    config = tiny("tracking=none", "env=cartpole", trusted, callback, "stop.metric={custom/pace_mean: 5}")
    config.runs_dir = str(tmp_path / "runs")
    summary = rlexp.train(config).summary
    assert summary["never_logged"] == {"custom/pace_mean": "stop.metric.custom/pace_mean"}
    assert json.loads(next(tmp_path.glob("runs/*/summary.json")).read_text())["never_logged"]
