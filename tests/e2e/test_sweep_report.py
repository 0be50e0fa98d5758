"""Twenty-four trials of two algorithms, three step sizes and four seeds, and their report in a real browser."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import yaml
from browser import BROWSER, COMPARED, drawn_charts
from harness import cli


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_sweep_of_24_trials_and_its_report(tmp_path: Path) -> None:
    words = ["env=cartpole", "algorithm=ppo,impala", "algorithm.lr=1e-4,1e-3,1e-2", "seed=range(4)"]
    few = ["stop.env_steps=4000", "reporting.min_time_s_per_iteration=0", "tracking=none", "evaluation=none"]
    done = cli("-m", *words, *few, "hardware=local", "sweep.name=all", cwd=tmp_path, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "sweeps" / "all"
    trials = json.loads((folder / "sweep.json").read_text())["trials"]
    assert len(trials) == 24 and {trial["status"] for trial in trials.values()} == {"done"}
    report = json.loads((folder / "report.json").read_text())
    assert len(report["arms"]) == 6 and set(report["parameters"]) == {"algorithm", "lr"}
    assert [value["runs"] for value in report["parameters"]["lr"]["values"]] == [8, 8, 8]
    assert set(drawn_charts(folder / "report.html", tmp_path / "profile")) >= COMPARED
    assert {path.stem for path in (folder / "report").glob("*.svg")} >= COMPARED
    best = report["best"]
    assert (
        best["command"] == json.loads((folder / "sweep.json").read_text())["best"]["command"] in done.stdout
    )
    again = cli(*shlex.split(best["command"])[1:], "name=again", cwd=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    configs = [yaml.safe_load((path / "config.yaml").read_text()) for path in _both(folder, best["name"])]
    for config in configs:
        del config["name"], config["runs_dir"]
    assert configs[0] == configs[1]


def _both(folder: Path, trial: str) -> tuple[Path, Path]:
    return folder / "trials" / trial, folder.parents[1] / "runs" / "again"
