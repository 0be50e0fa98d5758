"""What a report compares runs by: what was asked for, the sweep's own metric and mode, or the runs' return."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rlexp.base.errors import ConfigError
from rlexp.report.analysis.arms import Arm, arms_of
from rlexp.report.analysis.comparison import (
    MOST_ARMS,
    differ_only_in_env,
    scores_by_arm,
    top_arms,
)
from rlexp.report.analysis.parameters import parameters_of
from rlexp.report.analysis.selection import Objective, bests_of, objective_of
from rlexp.report.drawing.comparison_charts import comparison_charts
from rlexp.report.reading import Run
from rlexp.storage.sweeps import trial_ranking
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.multirun import SweepOutcome
from rlexp.sweep.results.best_by_metric import best_by

LOSS, RETURN = "custom/loss", "train/return_mean"


def run(name: str, **last: float) -> Run:
    rows = [{"env_steps": 100, RETURN: 1.0, **{key.replace("__", "/"): v for key, v in last.items()}}]
    return Run(Path(name), {"seed": 0}, {"status": "done"}, {"status": "done"}, rows)


def sweep(folder: Path, metric: str | None, mode: str = "max") -> Path:
    folder.mkdir()
    plan: dict[str, Any] = {
        "name": "a",
        "command": "",
        "start": "",
        "asked": {},
        "seals": "",
        "settings": {"mode": mode, "seeds": 1, "aggregate": "mean"},
    }
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "trials.jsonl").write_text("")
    (folder / "sweep.json").write_text(json.dumps({"status": "done", "trials": {}, "metric": metric}))
    return folder


def test_a_sweeps_own_metric_and_mode(tmp_path: Path) -> None:
    runs = [run("a", custom__loss=3.0), run("b", custom__loss=2.0)]
    objective = objective_of([sweep(tmp_path / "a", LOSS, "min")], runs, ())
    assert objective == Objective(LOSS, lower=True)
    assert objective is not None
    (best,) = bests_of([tmp_path / "a"], runs, objective)
    assert best["name"] == "b"
    assert objective_of([tmp_path / "a"], runs, [LOSS]) == objective
    assert objective_of([tmp_path / "a"], runs, [RETURN]) == Objective(RETURN)


def test_sweeps_that_disagree_are_compared_by_the_return(tmp_path: Path) -> None:
    runs = [run("a", custom__loss=3.0)]
    lower, higher = sweep(tmp_path / "a", LOSS, "min"), sweep(tmp_path / "b", LOSS)
    assert (
        objective_of([lower, higher], runs, ())
        == Objective(RETURN)
        == objective_of([lower, tmp_path], runs, ())
    )
    assert objective_of([sweep(tmp_path / "c", "custom/never")], runs, ()) == Objective(RETURN)
    (lower / "plan.json").write_text("{")
    assert objective_of([lower], runs, ()) == Objective(RETURN)


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
    trials = {name: {"status": "done", "score": value} for name, value in losses.items()}
    SweepFolder(folder).update(metric=RETURN, trials=trials)
    (best,) = bests_of([folder], runs, Objective(RETURN))
    assert (best["name"], best["score"]) == ("3", 7.0)
    assert best["command"] == f"rlexp --config-dir '{folder}/trials/3'"
    state = json.loads((folder / "sweep.json").read_text())
    assert state["best"] == {"trial": "3", "env": None, "score": 7.0, "command": best["command"]}
    (of_runs,) = bests_of([folder, tmp_path], runs, Objective(RETURN))
    assert of_runs["name"] == "0", "of anything else, the best run"
    SweepFolder(folder).update(trials={name: {"status": "done", "score": None} for name in losses})
    assert json.loads((folder / "sweep.json").read_text())["best"] is None


def test_different_environments_are_never_ranked_against_each_other(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "a", RETURN)
    scores = {
        "0": ("cartpole", 500.0),
        "1": ("acrobot", -100.0),
        "2": ("acrobot", -80.0),
        "3": ("cartpole", 20.0),
    }
    trials = {
        name: {"status": "done", "score": score, "varied": {"env": env}}
        for name, (env, score) in scores.items()
    }
    SweepFolder(folder).update(metric=RETURN, trials=trials)
    state = json.loads((folder / "sweep.json").read_text())
    assert state["best"] is None
    assert [(each["env"], each["trial"]) for each in state["best_by_env"]] == [
        ("cartpole", "0"),
        ("acrobot", "2"),
    ]
    assert trial_ranking.ranked(SweepFolder(folder).state()) == ["0", "3", "2", "1"]
    runs = []
    for name, (env, score) in scores.items():
        told = run(name, train__return_mean=score)
        runs.append(Run(folder / "trials" / name, {}, {"choices": {"env": env}}, {}, told.rows))
    for paths in ([folder], [tmp_path]):
        bests = bests_of(paths, runs, Objective(RETURN))
        assert [(each["env"], each["name"]) for each in bests] == [("cartpole", "0"), ("acrobot", "2")]
    with pytest.raises(ConfigError, match="of 2 environments") as refused:
        best_by(SweepFolder(folder))
    assert "--env cartpole" in str(refused.value)
    assert best_by(SweepFolder(folder), env="acrobot").name == "2"
    with pytest.raises(ConfigError, match="did you mean: acrobot"):
        best_by(SweepFolder(folder), env="acrobots")
    envs_alone = arms_of([replace(each, config={"seed": at % 2}) for at, each in enumerate(runs)])
    assert {arm.name for arm in envs_alone} == {"env=cartpole", "env=acrobot"} and differ_only_in_env(
        envs_alone
    )
    drawn = comparison_charts(
        scores_by_arm(envs_alone, RETURN), Objective(RETURN), comparable=not differ_only_in_env(envs_alone)
    )
    assert [chart.name for chart in drawn] == ["scores"] and parameters_of(runs) == []
    arms = [Arm(each.name, str(each.manifest["choices"]["env"]), [each]) for each in runs]
    many = [*arms[1:3], *(Arm(f"c{at}", "cartpole", [runs[0]]) for at in range(2 * MOST_ARMS))]
    assert {"1", "2"} < {arm.name for arm in top_arms(many, Objective(RETURN))}, (
        "the best of each, though they score less"
    )


def test_the_best_by_any_metric_that_was_logged(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "a", RETURN)
    told = {"0": (5.0, 3.0), "1": (9.0, 4.0), "2": (1.0, 1.0), "3": (7.0, None)}
    for name, (score, loss) in told.items():
        trial = folder / "trials" / name
        trial.mkdir(parents=True)
        (trial / "config.yaml").write_text("{}")
        (trial / "manifest.json").write_text("{}")
        rows = [
            {"env_steps": 1, RETURN: 0.0, LOSS: 99.0},
            {"env_steps": 2, RETURN: score, **({LOSS: loss} if loss else {})},
        ]
        (trial / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[loss is None :]))
    trials = {
        name: {"status": "done", "score": score, "varied": {"lr": name}} for name, (score, _) in told.items()
    }
    SweepFolder(folder).update(metric=RETURN, trials=trials)
    own = best_by(SweepFolder(folder))
    assert (own.name, own.score, own.metric, own.mode) == ("1", 9.0, RETURN, "max")
    lowest = best_by(SweepFolder(folder), LOSS, "min")
    assert (lowest.name, lowest.score, lowest.varied, lowest.folder) == (
        "2",
        1.0,
        {"lr": "2"},
        folder / "trials" / "2",
    )
    assert lowest.command == f"rlexp --config-dir {folder}/trials/2"
    outcome = SweepOutcome(folder, "done", 0)
    assert (
        outcome.best_by(LOSS, "min") == lowest.folder
        and outcome.best_by(LOSS).name == "1" == outcome.best.name
    )
    with pytest.raises(ConfigError, match="did you mean: custom/loss"):
        best_by(SweepFolder(folder), "custom/los")
    with pytest.raises(ConfigError, match="--mode must be"):
        best_by(SweepFolder(folder), LOSS, "lowest")
    plan = json.loads((folder / "plan.json").read_text())
    plan["settings"]["seeds"] = 2
    (folder / "plan.json").write_text(json.dumps(plan))
    of_point = best_by(SweepFolder(folder), LOSS, "min")
    assert (of_point.name, of_point.point) == ("0", 3.5), "the other point has a seed that never logged it"


def test_a_reports_way_may_be_given_with_its_metric(tmp_path: Path) -> None:
    runs = [run("a", custom__loss=3.0)]
    assert objective_of([tmp_path], runs, [LOSS], "min") == Objective(LOSS, lower=True)
    assert objective_of([tmp_path], runs, ()) == Objective(RETURN)
    assert objective_of([tmp_path], runs, (), "min") == Objective(RETURN, True)


def test_lower_is_better_in_who_beats_whom() -> None:
    arms = [
        Arm(name, "", [run(f"{name}{seed}", custom__loss=loss + seed) for seed in range(3)])
        for name, loss in (("low", 0.0), ("high", 10.0))
    ]
    found = {
        lower: next(
            chart
            for chart in comparison_charts(scores_by_arm(arms, LOSS), Objective(LOSS, lower=lower))
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
    assert top_arms(arms, Objective(LOSS, lower=True)) == arms[:MOST_ARMS]
    assert top_arms(arms, Objective(LOSS)) == arms[-MOST_ARMS:]
    assert top_arms(arms, None) == arms[:MOST_ARMS] and top_arms(arms[:3], None) == arms[:3]
