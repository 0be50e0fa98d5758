"""Which trials of a resumed sweep are run: done ones only with a longer budget, and none fails for being done."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import records

import rlexp
from rlexp.storage.runs.run_folder import RunFolder
from rlexp.sweep.execution.monitor import SweepMonitor
from rlexp.sweep.execution.resume_changes import unfinished
from rlexp.sweep.execution.trial_run import TrialRun
from rlexp.sweep.folder import SweepFolder, SweepRequest
from rlexp.sweep.planning.plan import plan
from rlexp.sweep.trials.trial_task import TrialTask

TINY = [
    "hardware=local",
    "callbacks=none",
    "debug=tiny",
    "tracking=none",
    "evaluation=none",
    "stop.iterations=1",
]
METRIC = "train/return_mean"


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepFolder:
    """Of three trials the first is done, the second was stopped by its scheduler, the third has not begun."""
    monkeypatch.chdir(tmp_path)
    words = [*TINY, "seed=0,1,2", "sweep.fail_fast=true"]
    return SweepFolder.create(plan(words), "a", ["rlexp"], SweepRequest(tuple(words)))


def trained(sweep: SweepFolder, name: str, *overrides: str) -> str:
    """Runs a trial to its end in this process; returns its status."""
    task = TrialTask(str(sweep.path), name, METRIC, overrides, seals=sweep.seals)
    run = TrialRun(task, sweep.frozen.one(name, overrides))
    while run.outcome is None:
        run.report()
    return run.outcome.status


def monitor(sweep: SweepFolder, *overrides: str) -> SweepMonitor:
    return SweepMonitor.of(sweep, METRIC, sweep.frozen.all(overrides), sweep.settings())


def test_a_done_trial_goes_on_only_where_its_budget_is_longer(sweep: SweepFolder, tmp_path: Path) -> None:
    first, second, third = (trial.name for trial in sweep.frozen.all())
    assert trained(sweep, first) == trained(sweep, second) == "done"
    RunFolder.for_reading(sweep.trials / second).update_manifest(status="stopped")
    sweep.update(trials={second: {"status": "pruned", "score": None}})
    for overrides in (
        (),
        ("log_level=INFO",),
        ("stop.iterations=1",),
        ("algorithm.lr=0.01", "log_level=INFO"),
    ):
        assert unfinished(monitor(sweep, *overrides), overrides) == [third], overrides
    assert unfinished(monitor(sweep), ["stop.wall_s=1000"]) == [second, third], "of two rules one holds still"
    assert unfinished(monitor(sweep), ["stop.iterations=2"]) == [first, second, third]
    # One that is resumed for all the same has not failed, and has not been trained.
    assert trained(sweep, first, "log_level=INFO") == "done"
    assert len(records(sweep.trials / first)) == 1
    assert trained(sweep, first, "stop.iterations=2") == "done"
    assert len(records(sweep.trials / first)) == 2


def test_a_done_trial_that_was_to_go_on_and_was_refused_has_failed(sweep: SweepFolder) -> None:
    name = sweep.frozen.all()[0].name
    assert trained(sweep, name) == "done"
    resumed = monitor(sweep, "stop.iterations=2")
    resumed.mark_waiting(name)
    resumed.report(name, "failed", error="it may not be loaded")
    status = resumed.finalize(name)
    assert (status.status, status.error) == ("failed", "it may not be loaded") and status.env_steps > 0
    assert monitor(sweep).statuses[name].status == "done", "for those who ask for no more it is done"


@pytest.mark.slow
def test_where_nothing_is_left_it_is_said_once(
    sweep: SweepFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    for trial in sweep.frozen.all():
        assert trained(sweep, trial.name) == "done"
    for overrides in ([], ["log_level=INFO"]):
        capsys.readouterr()
        outcome = rlexp.resume_multirun(sweep.path, overrides)
        assert (outcome.status, outcome.exit_code) == ("done", 0)
        output = capsys.readouterr().out
        assert output.count("nothing is left to do: 3 done") == 1 and "failed" not in output
