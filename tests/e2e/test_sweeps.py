"""Sweeps of real runs: killed, continued, with trials that fail; nothing is run twice and nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import records
from processes import BATCH, CARTPOLE, corridor, manifest, rlexp_child, run, trials

from rlexp.cli.main import main
from rlexp.storage.sweeps.sweep_view import is_sweep
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.results.best_by_metric import best_by

BUDGET = 12 * BATCH
SWEEP = ("-m", *CARTPOLE, "callbacks=none", "sweep.name=a", "sweep.concurrency=1", f"stop.env_steps={BUDGET}")


@pytest.mark.slow
@pytest.mark.landing
def test_killed_in_a_trial_a_sweep_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "a"
    with rlexp_child(*SWEEP, "seed=0,1,2", folder=tmp_path) as child:
        second = folder / "trials" / "001-seed=1"
        child.until(lambda: len(records(second)) >= 4)
        child.kill()
    assert is_sweep(folder)
    before, first = records(second), (folder / "trials" / "000-seed=0" / "metrics.jsonl").read_bytes()
    with rlexp_child("resume", "sweeps/a", folder=tmp_path) as child:
        assert child.end() == 0, child.text
        assert "1 done before, 1 go on where they were, 1 begin" in child.text
        assert "001-seed=1: done" in child.text and "000-seed=0" not in child.text
    assert (folder / "trials" / "000-seed=0" / "metrics.jsonl").read_bytes() == first, "not run again"
    for name, trial in trials(folder).items():
        lines = records(folder / "trials" / name)
        assert [line["env_steps"] for line in lines] == list(range(BATCH, BUDGET + 1, BATCH)), (
            "no step twice or lost"
        )
        assert (trial["status"], trial["env_steps"]) == ("done", BUDGET)
        assert manifest(folder / "trials" / name)["group"] == "a"
    assert records(second)[: len(before) - 1] == before[:-1]
    assert json.loads((folder / "sweep.json").read_text())["status"] == "done"
    assert (folder / "report.html").is_file()
    # Nothing is left to do, and more may be asked for.
    code, text = run("resume", "sweeps/a", f"stop.env_steps={BUDGET + 2 * BATCH}", folder=tmp_path)
    assert code == 0, text
    assert {trial["env_steps"] for trial in trials(folder).values()} == {BUDGET + 2 * BATCH}


@pytest.mark.slow
@pytest.mark.landing
def test_a_trial_that_fails_stops_no_other_and_is_tried_again(tmp_path: Path) -> None:
    """One trial's environment says NaN in its second iteration; an environment made anew says it later."""
    folder = tmp_path / "sweeps" / "a"
    words = ("-m", *corridor("NotFinite"), "callbacks=none", "sweep.name=a", "stop.iterations=2")
    code, text = run(*words, "+env.config.at_step=300,100000", folder=tmp_path)
    assert code == 1, text
    assert [trial["status"] for trial in trials(folder).values()] == ["failed", "done"]
    assert "nan" in trials(folder)["000-at_step=300"]["error"]
    assert "1 done, 1 failed" in text and f"rlexp resume {folder}" in text
    code, text = run("resume", "sweeps/a", folder=tmp_path)
    assert code == 0 and "1 done before, 1 go on" in text and "001-at_step" not in text, text
    assert {(t["status"], t["env_steps"], t["error"]) for t in trials(folder).values()} == {
        ("done", 2 * BATCH, None)
    }


def test_a_plan_starts_nothing(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*SWEEP, "seed=0,1", "algorithm.lr=0.1,0.2", "sweep.plan=true"]) == 0
    told = capsys.readouterr().out
    assert f"4 trials, at most {4 * BUDGET:,} env steps; nothing was started" in told
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.landing
def test_a_sweep_is_planned_once_and_one_process_runs_it(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = [*SWEEP, "seed=0,1", "stop.iterations=1"]
    with rlexp_child(*sweep, folder=tmp_path) as child:
        folder = tmp_path / "sweeps" / "a"
        child.until(lambda: (folder / ".lock.json").exists() and "starting Ray" in child.text)
        assert main(["resume", "sweeps/a"]) == 2
        assert "another process is using" in capsys.readouterr().err
        assert child.end() == 0, child.text
    assert main(sweep) == 2
    assert f"rlexp resume {folder}" in capsys.readouterr().err
    # A choice that is edited meanwhile changes nothing: each trial's config was frozen.
    assert [trial.config.seed for trial in SweepFolder(folder).frozen.all()] == [0, 1]
    code, text = run("evaluate", "sweeps/a", "evaluation.evaluation_duration=1", folder=tmp_path)
    assert code == 0, text
    assert (best_by(SweepFolder(folder)).folder / "evaluation.json").is_file()


@pytest.mark.slow
@pytest.mark.landing
def test_a_warm_process_trains_as_a_fresh_one_does(tmp_path: Path) -> None:
    """What a trial leaves in its process, random numbers and torch's settings among it, does not reach the next."""
    words = (*CARTPOLE, "callbacks=none", f"stop.env_steps={4 * BATCH}")
    code, text = run(
        "-m",
        *words,
        "algorithm.lr=0.01,0.001",
        "seed=0,1",
        "sweep.name=a",
        "sweep.concurrency=1",
        folder=tmp_path,
    )
    assert code == 0, text
    code, text = run(*words, "algorithm.lr=0.001", "seed=1", "name=alone", folder=tmp_path)
    assert code == 0, text
    warm = records(tmp_path / "sweeps" / "a" / "trials" / "003-lr=0.001-seed=1")
    alone = records(tmp_path / "runs" / "alone")
    for row, other in zip(warm, alone, strict=True):
        same = [key for key in row if key != "timestamp" and not key.startswith("perf/")]
        assert [row[key] for key in same] == [other[key] for key in same]
