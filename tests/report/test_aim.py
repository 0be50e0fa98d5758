"""What a report compares runs by: what was asked for, the sweep's own metric and mode, or the runs' return."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rlexp.report.aim import Aim, aim_of
from rlexp.report.arms import Arm
from rlexp.report.best import best_of
from rlexp.report.comparison import MOST_ARMS, charts, most_telling, scored
from rlexp.report.reading import Run
from rlexp.sweep.folder import SweepFolder

LOSS, RETURN = "custom/loss", "train/return_mean"


def run(name: str, **last: float) -> Run:
    rows = [{"env_steps": 100, RETURN: 1.0, **{key.replace("__", "/"): v for key, v in last.items()}}]
    return Run(Path(name), {"seed": 0}, {"status": "done"}, {"status": "done"}, rows)


def sweep(folder: Path, metric: str | None, mode: str = "max") -> Path:
    folder.mkdir()
    plan: dict[str, Any] = {
        "name": "a",
        "command": [],
        "start": "",
        "settings": {"mode": mode, "seeds": 1, "aggregate": "mean"},
    }
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "trials.jsonl").write_text("")
    (folder / "sweep.json").write_text(json.dumps({"status": "done", "trials": {}, "metric": metric}))
    return folder


def test_a_sweeps_own_metric_and_mode(tmp_path: Path) -> None:
    runs = [run("a", custom__loss=3.0), run("b", custom__loss=2.0)]
    aim = aim_of([sweep(tmp_path / "a", LOSS, "min")], runs, ())
    assert aim == Aim(LOSS, lower=True)
    best = best_of([tmp_path / "a"], runs, aim)
    assert best is not None and best["name"] == "b"
    assert aim_of([tmp_path / "a"], runs, [LOSS]) == aim and aim_of([tmp_path / "a"], runs, [RETURN]) == Aim(
        RETURN
    )


def test_sweeps_that_disagree_are_compared_by_the_return(tmp_path: Path) -> None:
    runs = [run("a", custom__loss=3.0)]
    lower, higher = sweep(tmp_path / "a", LOSS, "min"), sweep(tmp_path / "b", LOSS)
    assert aim_of([lower, higher], runs, ()) == Aim(RETURN) == aim_of([lower, tmp_path], runs, ())
    assert aim_of([sweep(tmp_path / "c", "custom/never")], runs, ()) == Aim(RETURN)
    (lower / "plan.json").write_text("{")
    assert aim_of([lower], runs, ()) == Aim(RETURN)


def test_a_sweeps_best_is_of_its_best_point_not_the_luckiest_seed(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "a b", RETURN)
    losses = {"0": 10.0, "1": 0.0, "2": 6.0, "3": 7.0}
    runs = []
    for name, value in losses.items():
        told = run(name, train__return_mean=value)
        runs.append(Run(folder / "trials" / name, told.config, told.manifest, told.summary, told.rows))
    plan = json.loads((folder / "plan.json").read_text())
    plan["settings"].update(seeds=2, aggregate="mean")
    (folder / "plan.json").write_text(json.dumps(plan))
    trials = {name: {"score": value} for name, value in losses.items()}
    SweepFolder(folder).update(metric=RETURN, trials=trials)
    best = best_of([folder], runs, Aim(RETURN))
    assert best is not None and (best["name"], best["score"]) == ("3", 7.0)
    assert best["command"] == f"rlexp --config-dir '{folder}/trials/3'"
    state = json.loads((folder / "sweep.json").read_text())
    assert state["best"] == {"trial": "3", "score": 7.0, "command": best["command"]}
    of_runs = best_of([folder, tmp_path], runs, Aim(RETURN))
    assert of_runs is not None and of_runs["name"] == "0", "of anything else, the best run"
    SweepFolder(folder).update(trials={name: {"score": None} for name in losses})
    assert json.loads((folder / "sweep.json").read_text())["best"] is None


def test_lower_is_better_in_who_beats_whom() -> None:
    arms = [
        Arm(name, "", [run(f"{name}{seed}", custom__loss=loss + seed) for seed in range(3)])
        for name, loss in (("low", 0.0), ("high", 10.0))
    ]
    found = {
        lower: next(
            chart
            for chart in charts(scored(arms, LOSS), Aim(LOSS, lower=lower))
            if chart.name == "improvement"
        )
        for lower in (True, False)
    }
    assert {lower: chart.spec["data"]["values"][0]["value"] for lower, chart in found.items()} == {
        True: 1.0,
        False: 0.0,
    }
    assert "scores lower" in found[True].note


def test_of_many_arms_the_best_are_drawn() -> None:
    arms = [Arm(f"lr={at}", "", [run(f"r{at}", custom__loss=float(at))]) for at in range(3 * MOST_ARMS)]
    assert most_telling(arms, Aim(LOSS, lower=True)) == arms[:MOST_ARMS]
    assert most_telling(arms, Aim(LOSS)) == arms[-MOST_ARMS:]
    assert most_telling(arms, None) == arms[:MOST_ARMS] and most_telling(arms[:3], None) == arms[:3]
