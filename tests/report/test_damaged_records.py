"""Damaged records of a run, in any way that a disk or a person damages them: a line each, and the rest is shown."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlexp.base.errors import ConfigError
from rlexp.cli.main import main
from rlexp.report.analysis.parameter_effects import adaptive_names
from rlexp.report.reading import read, read_all
from rlexp.run.train import is_run_id
from rlexp.storage.runs.trial_status import history, trial_status
from rlexp.storage.sweeps.sweep_view import SweepView
from rlexp.sweep.folder import SweepFolder, SweepRequest
from rlexp.sweep.planning.plan import plan
from rlexp.sweep.trials.frozen_trials import FrozenTrials

MANIFEST = {
    "name": "a",
    "status": "done",
    "start": "2026-01-01T00:00:00+00:00",
    "run_id": "0",
    "packages": {"ray": "2.60.0"},
    "choices": {"env": "cartpole", "algorithm": "ppo"},
    "overrides": ["seed=1"],
}
CONFIG = "seed: 1\nenv:\n  id: CartPole-v1\nalgorithm:\n  lr: 0.1\n"


def make_run(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "manifest.json").write_text(json.dumps(MANIFEST))
    (path / "config.yaml").write_text(CONFIG)
    rows = [
        {"env_steps": n * 100, "iteration": n, "eval/return_mean": float(n), "perf/wall_s": float(n)}
        for n in range(1, 4)
    ]
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (path / "summary.json").write_text(json.dumps({"status": "done", "best_eval_return_mean": 3.0}))
    return path


def set_field(file: str, key: str, value: Any) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        found = json.loads((run / file).read_text())
        (run / file).write_text(json.dumps({**found, key: value}))

    return change


def write(file: str, content: bytes) -> Callable[[Path], None]:
    return lambda run: void((run / file).write_bytes(content))


def add(file: str, content: bytes) -> Callable[[Path], None]:
    return lambda run: void((run / file).write_bytes((run / file).read_bytes() + content))


def void(_: object) -> None:
    return None


def folder(file: str) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        (run / file).unlink()
        (run / file).mkdir()

    return change


def pipe(file: str) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        (run / file).unlink()
        os.mkfifo(run / file)

    return change


LEFT_OUT: dict[str, tuple[str, Callable[[Path], None]]] = {
    "config, a byte that is not UTF-8": ("config.yaml", add("config.yaml", b"name: \xff\n")),
    "config, a list": ("config.yaml", write("config.yaml", b"- a\n- b\n")),
    "config, text": ("config.yaml", write("config.yaml", b"nothing\n")),
    "config, broken": ("config.yaml", write("config.yaml", b"a: [\n")),
    "config, a folder": ("config.yaml", folder("config.yaml")),
    "config, a pipe": ("config.yaml", pipe("config.yaml")),
    "manifest, a byte that is not UTF-8": ("manifest.json", write("manifest.json", b'{"name": "\xff"}')),
    "manifest, a list": ("manifest.json", write("manifest.json", b"[]")),
    "manifest, empty": ("manifest.json", write("manifest.json", b"")),
    "manifest, nested": ("manifest.json", write("manifest.json", b"[" * 100_000)),
}
PARTLY: dict[str, tuple[str, Callable[[Path], None]]] = {
    "metrics, a byte that is not UTF-8": (
        "metrics.jsonl",
        add("metrics.jsonl", b'{"a": "\xff"}\n{"env_steps": 900}\n'),
    ),
    "metrics, latin-1": (
        "metrics.jsonl",
        add("metrics.jsonl", '{"é": 1}\n{"env_steps": 900}\n'.encode("latin-1")),
    ),
    "metrics, a list in a line": ("metrics.jsonl", add("metrics.jsonl", b'[1]\n{"env_steps": 900}\n')),
    "metrics, a folder": ("metrics.jsonl", folder("metrics.jsonl")),
    "metrics, a pipe": ("metrics.jsonl", pipe("metrics.jsonl")),
    "summary, a folder": ("summary.json", folder("summary.json")),
    "summary, not UTF-8": ("summary.json", write("summary.json", b"\xff")),
    "summary, text for a number": (
        "best_eval_return_mean",
        set_field("summary.json", "best_eval_return_mean", "high"),
    ),
    "packages, a list": ("packages", set_field("manifest.json", "packages", ["ray"])),
    "choices, text": ("choices", set_field("manifest.json", "choices", "ppo")),
    "overrides, a number": ("overrides", set_field("manifest.json", "overrides", 7)),
    "environment, a list": ("env", write("config.yaml", b"seed: 1\nenv: [a]\n")),
}
UNTOLD: dict[str, Callable[[Path], None]] = {
    "seed, text": write("config.yaml", b"seed: one\nenv: {id: CartPole-v1}\n"),
    "steps, text": add("metrics.jsonl", b'{"env_steps": "many", "eval/return_mean": [1]}\n'),
    "half a line at the end": add("metrics.jsonl", b'{"env_st'),
    "no start": set_field("manifest.json", "start", None),
    "status, a list": set_field("manifest.json", "status", ["done"]),
    "run id, missing": set_field("manifest.json", "run_id", None),
    "keys that are numbers": add("config.yaml", b"3: 4\n"),
}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        make_run(tmp_path / "runs" / name)
    return tmp_path / "runs"


@pytest.mark.parametrize("why", LEFT_OUT)
def test_a_run_that_cannot_be_read_is_told_and_left_out(runs: Path, why: str) -> None:
    file, change = LEFT_OUT[why]
    change(runs / "b")
    found, damaged = read_all([runs])
    assert [run.name for run in found] == ["a", "c"]
    if why != "manifest, a folder":
        assert len(damaged) == 1 and str(runs / "b" / file) in damaged[0] and "\n" not in damaged[0]
    shutil.rmtree(runs / "a")
    shutil.rmtree(runs / "c")
    with pytest.raises(ConfigError, match="no run can be read"):
        read_all([runs])


@pytest.mark.parametrize("why", PARTLY)
def test_what_is_damaged_of_a_run_is_told_and_the_rest_shown(runs: Path, why: str) -> None:
    named, change = PARTLY[why]
    change(runs / "b")
    found, damaged = read_all([runs])
    assert [run.name for run in found] == ["a", "b", "c"]
    assert len(damaged) == 1 and named in damaged[0] and str(runs / "b") in damaged[0]


@pytest.mark.slow
def test_a_report_of_runs_damaged_in_every_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ways = {**{why: way for why, (_, way) in (LEFT_OUT | PARTLY).items()}, **UNTOLD}
    for number, change in enumerate(ways.values()):
        change(make_run(tmp_path / "runs" / f"{number:02}"))
    make_run(tmp_path / "runs" / "whole")
    assert main(["report", "runs"]) == 0
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert sum("left out" in line for line in told.splitlines()) == len(LEFT_OUT) + len(PARTLY)
    shown = json.loads((tmp_path / "runs" / "report.json").read_text())["runs"]
    assert len(shown) == len(PARTLY) + len(UNTOLD) + 1


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweeps")
    words = ["env=cartpole", "tracking=none", "evaluation=none", "seed=0,1", f"sweep.dir={folder}"]
    return SweepFolder.create(plan(words), "sweep", ["rlexp"], SweepRequest(tuple(words))).path


@pytest.fixture
def sweep(planned: Path, tmp_path: Path) -> Path:
    return shutil.copytree(planned, tmp_path / "sweep")


def test_a_sweeps_damaged_records_are_one_line(
    sweep: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trials, whole = sweep / "trials.jsonl", (sweep / "trials.jsonl").read_bytes()
    plan_file, before = sweep / "plan.json", (sweep / "plan.json").read_text()
    damages: list[tuple[Path, bytes]] = [
        (trials, b""),
        (trials, '{"name": "é"}\n'.encode("latin-1")),
        (trials, whole.replace(b'"name"', b'"n\xffme"', 1)),
        (trials, b"[1]\n"),
        (trials, b"[" * 100_000 + b"\n"),
        (plan_file, b"\xff"),
        (plan_file, b"[]"),
        *(
            (plan_file, json.dumps({**json.loads(before), key: 7}).encode())
            for key in ("settings", "asked", "seals")
        ),
    ]
    for file, content in damages:
        trials.write_bytes(whole)
        plan_file.write_text(before)
        file.write_bytes(content)
        assert main(["resume", str(sweep)]) == 2, content
        told = capsys.readouterr().err
        assert file.name in told and "Traceback" not in told and told.count("error:") == 1, told


@pytest.mark.parametrize("scheduler", ["pbt", 7, ["pbt"], None])
def test_a_plan_whose_scheduler_is_no_mapping_is_damaged_and_its_runs_are_shown(
    sweep: Path, scheduler: object
) -> None:
    plan_file = sweep / "plan.json"
    before = json.loads(plan_file.read_text())
    plan_file.write_text(json.dumps({**before, "settings": {**before["settings"], "scheduler": scheduler}}))
    with pytest.raises(ConfigError, match="damaged: settings.scheduler"):
        SweepView(sweep).plan()
    assert adaptive_names([read(make_run(sweep / "trials" / "000"))]) == []


@pytest.mark.parametrize(
    "state",
    [
        [],
        {"trials": []},
        {"trials": {"000": 7}},
        {"trials": {"000": {"status": "done", "score": "high"}}},
        {"trials": 3},
    ],
)
def test_a_damaged_state_of_a_sweep_is_made_anew(sweep: Path, state: object) -> None:
    (sweep / "sweep.json").write_text(json.dumps(state))
    folder = SweepFolder(sweep)
    assert folder.damaged and folder.state()["trials"] == {}


def test_trials_with_damaged_metrics_stand_as_far_as_they_can_be_read(sweep: Path) -> None:
    folder = SweepFolder(sweep)
    name = FrozenTrials(sweep / "trials.jsonl", "x").all()[0].name
    run = make_run(sweep / "trials" / name)
    add("metrics.jsonl", b'\xff\n{"env_steps": "many", "perf/wall_s": []}\n')(run)
    stands = trial_status(folder.run(name), "eval/return_mean")
    assert stands.score == 3.0 and stands.env_steps == 300
    assert history(folder.run(name), "eval/return_mean")[-1] == (300, 3.0)
    folder_in_place = folder.run(name)
    assert folder_in_place is not None
    folder_in_place.metrics.unlink()
    folder_in_place.metrics.mkdir()
    assert trial_status(folder.run(name), "eval/return_mean").score is None


def test_run_ids() -> None:
    assert is_run_id("0123456789ab")
    assert not any(map(is_run_id, [None, 7, "", "a/b", "../x", "a" * 65, ["a"]]))
