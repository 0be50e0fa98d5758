"""A sweep whose trials have no score says so, and gives no advice that is already followed."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rlexp.storage.runs.trial_status import SCORES, Standing
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.results.best_trial import _without_score
from rlexp.sweep.results.unscored import Unscored, say_what_is_missing


def course(folder: Path, **told: Standing) -> Any:
    def of(name: str) -> Any:
        return SimpleNamespace(summary=folder / name / "summary.json")

    return SimpleNamespace(metric="custom/pace_mean", told=told, folder=SimpleNamespace(run=of))


def test_the_first_comparison_without_a_score_is_told_once(tmp_path: Path) -> None:
    said: list[str] = []
    watcher = Unscored([1000, 3000], said.append)
    for steps in (500, 1000, 3000):
        watcher.changed(course(tmp_path, a=Standing("running", None, steps)), "a")
    assert len(said) == 1 and "a has no custom/pace_mean after 1,000 env steps" in said[0]
    scored = Unscored([1000], said.append)
    scored.changed(course(tmp_path, a=Standing("running", 1.0, 2000)), "a")
    Unscored([], said.append).changed(course(tmp_path, a=Standing("running", None, 2000)), "a")
    assert len(said) == 1


def test_the_end_says_what_no_trial_has_logged(tmp_path: Path) -> None:
    missing = {"custom/pace_mean": "sweep.metric", "custom/x_mean": "stop.metric.custom/x_mean"}
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "summary.json").write_text(json.dumps({"never_logged": missing}))
    said: list[str] = []
    without = course(tmp_path, a=Standing("done", None, 10), b=Standing("done", None, 10), c=Standing())
    say_what_is_missing(without, said.append)
    assert said[0].startswith("no trial has a score: nothing logged custom/pace_mean")
    assert said[1:] == ["stop.metric.custom/x_mean: custom/x_mean was never logged in 1 of 2 trials"]
    said.clear()
    say_what_is_missing(
        course(tmp_path, b=Standing("done", 1.0, 10), c=Standing("done", None, 10)), said.append
    )
    assert said == []


@pytest.mark.parametrize(("status", "fix"), [("done", "rlexp evaluate"), ("stopped", "rlexp resume")])
def test_choosing_from_a_sweep_without_scores_advises_what_can_help(
    status: str, fix: str, tmp_path: Path
) -> None:
    trials = {"000-a": {"status": "pruned", "score": None}, "001-b": {"status": status, "score": None}}
    error = _without_score(
        SweepFolder(tmp_path), {"trials": trials}, "custom/pace_mean", ["perf/sps", SCORES[1]]
    )
    assert str(error.fix).startswith(fix) and str(error.fix).endswith(
        SCORES[1] if status == "done" else str(tmp_path)
    )
