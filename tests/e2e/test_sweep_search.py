"""Searches that learn and seeds of one point, on real trials: begun, killed, gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import records
from processes import BATCH, CARTPOLE, manifest, rlexp_child, run, trials

from rlexp.storage.sweeps.trial_ranking import groups_of
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.results.best_by_metric import best_by

BUDGET = 6 * BATCH
SWEEP = ("-m", *CARTPOLE, "callbacks=none", "sweep.name=a", f"stop.env_steps={BUDGET}")
RATE = "algorithm.lr=tag(log,interval(1e-5,1e-1))"

pytestmark = pytest.mark.slow


def test_a_killed_search_goes_on_and_may_be_longer(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "a"
    with rlexp_child(*SWEEP, "sweep=optuna", "sweep.trials=5", RATE, folder=tmp_path) as child:
        child.until(lambda: child.text.count(": done at") >= 2)
        child.kill()
    # A kill may fall between a folder and the first file in it.
    begun = [path.parent for path in (folder / "trials").glob("*/manifest.json")]
    before = {
        run.name: (run / "metrics.jsonl").read_bytes() for run in begun if manifest(run)["status"] == "done"
    }
    assert len(before) >= 2
    code, text = run("resume", "sweeps/a", "sweep.trials=7", folder=tmp_path)
    assert code == 0, text
    after = trials(folder)
    assert [name[:3] for name in after] == [f"{number:03d}" for number in range(7)]
    assert {trial["status"] for trial in after.values()} == {"done"}
    rates = [float(trial["varied"]["algorithm.lr"]) for trial in after.values()]
    assert len(set(rates)) == 7 and all(1e-5 <= rate <= 1e-1 for rate in rates)
    for name, trial in after.items():
        lines = records(folder / "trials" / name)
        assert [line["env_steps"] for line in lines] == list(range(BATCH, BUDGET + 1, BATCH)), name
        config = (folder / "trials" / name / "config.yaml").read_text()
        assert f"lr: {float(trial['varied']['algorithm.lr'])!r}" in config
    for name, content in before.items():
        assert (folder / "trials" / name / "metrics.jsonl").read_bytes() == content, "not run again"
    assert (folder / "report.html").is_file()


def test_seeds_of_a_point_are_compared_and_pruned_as_one(tmp_path: Path) -> None:
    folder, budget = tmp_path / "sweeps" / "a", 18 * BATCH
    words = ("sweep=asha", "sweep.search=grid", "sweep.seeds=2", "algorithm.lr=choice(0.01,1e-9,2e-9)")
    code, text = run(*SWEEP, *words, f"stop.env_steps={budget}", folder=tmp_path)
    assert code == 0, text
    found = trials(folder)
    assert [trial["varied"]["seed"] for trial in found.values()] == ["0", "1"] * 3
    points = [list(found.values())[at : at + 2] for at in (0, 2, 4)]
    assert [trial["status"] for trial in points[0]] == ["done", "done"]
    for point in points[1:]:
        assert [trial["status"] for trial in point] == ["pruned", "pruned"]
        assert all(budget // 9 <= trial["env_steps"] < budget for trial in point)
    assert "mean of seeds" in text
    own = [trial["score"] for trial in points[0]]
    scores = groups_of(SweepFolder(folder).state()).scores(
        {name: trial["score"] for name, trial in found.items()}
    )
    assert max(filter(None, scores.values())) == sum(own) / 2
    assert best_by(SweepFolder(folder)).folder.name.startswith(("000", "001"))
