"""A sweep whose trials have no score says so, and gives no advice that is already followed."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rlexp.base.headline_metrics import RETURNS
from rlexp.storage.runs.trial_status import TrialStatus
from rlexp.sweep.execution.monitor import MissingScoreWarning, warn_missing_metrics
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.results.best_by_metric import _no_score_error


def monitor(folder: Path, **statuses: TrialStatus) -> Any:
    def of(name: str) -> Any:
        return SimpleNamespace(summary=folder / name / "summary.json")

    return SimpleNamespace(metric="custom/pace_mean", statuses=statuses, folder=SimpleNamespace(run=of))


def test_the_first_comparison_without_a_score_is_reported_once(tmp_path: Path) -> None:
    messages: list[str] = []
    watcher = MissingScoreWarning([1000, 3000], messages.append)
    for steps in (500, 1000, 3000):
        watcher.on_change(monitor(tmp_path, a=TrialStatus("running", None, steps)), "a")
    assert len(messages) == 1 and "a has no custom/pace_mean after 1,000 env steps" in messages[0]
    with_a_score = MissingScoreWarning([1000], messages.append)
    with_a_score.on_change(monitor(tmp_path, a=TrialStatus("running", 1.0, 2000)), "a")
    MissingScoreWarning([], messages.append).on_change(
        monitor(tmp_path, a=TrialStatus("running", None, 2000)), "a"
    )
    assert len(messages) == 1


def test_the_end_says_what_no_trial_has_logged(tmp_path: Path) -> None:
    missing = {"custom/pace_mean": "sweep.metric", "custom/x_mean": "stop.metric.custom/x_mean"}
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "summary.json").write_text(json.dumps({"never_logged": missing}))
    messages: list[str] = []
    unscored = monitor(
        tmp_path, a=TrialStatus("done", None, 10), b=TrialStatus("done", None, 10), c=TrialStatus()
    )
    warn_missing_metrics(unscored, messages.append)
    assert messages[0].startswith("no trial has a score: nothing logged custom/pace_mean")
    assert messages[1:] == ["stop.metric.custom/x_mean: custom/x_mean was never logged in 1 of 2 trials"]
    messages.clear()
    warn_missing_metrics(
        monitor(tmp_path, b=TrialStatus("done", 1.0, 10), c=TrialStatus("done", None, 10)), messages.append
    )
    assert messages == []


@pytest.mark.parametrize(("status", "fix"), [("done", "rlexp evaluate"), ("stopped", "rlexp resume")])
def test_choosing_from_a_sweep_no_score_errors_advises_what_can_help(
    status: str, fix: str, tmp_path: Path
) -> None:
    trials = {"000-a": {"status": "pruned", "score": None}, "001-b": {"status": status, "score": None}}
    error = _no_score_error(
        SweepFolder(tmp_path), {"trials": trials}, "custom/pace_mean", ["perf/sps", RETURNS[1]]
    )
    assert str(error.fix).startswith(fix) and str(error.fix).endswith(
        RETURNS[1] if status == "done" else str(tmp_path)
    )
