"""Runs and sweeps in a bucket, by machines that have no folder in common; killed on one, they go on on another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import records
from machines import Machines
from processes import BATCH, CARTPOLE, manifest, rlexp_child, run, trials

import rlexp
from rlexp.base.errors import ConfigError
from rlexp.cli.flags import parse
from rlexp.report.writing import report
from rlexp.storage.buckets.bucket import Bucket
from rlexp.storage.buckets.fetch import fetched
from rlexp.storage.buckets.local_copies import local

BUDGET = 12 * BATCH
WHOLE = list(range(BATCH, BUDGET + 1, BATCH))


def at(machine: str, folder: Path) -> dict[str, Any]:
    """Where a machine keeps its copies."""
    return {"folder": folder, "RLEXP_STORAGE": str(folder / machine)}


def copy(machine: str, folder: Path, place: str) -> Path:
    return folder / machine / place.replace("://", "/")


def steps(folder: Path) -> list[int]:
    return [row["env_steps"] for row in records(folder)]


def lines(place: str, name: str) -> int:
    """How many lines of a file have reached the store."""
    return (Bucket(place).read(name) or b"").count(b"\n")


@pytest.mark.slow
def test_a_run_killed_on_one_machine_goes_on_on_another(bucket: str, tmp_path: Path) -> None:
    place = f"{bucket}/runs/a"
    words = (*CARTPOLE, "callbacks=none", f"runs_dir={bucket}/runs", "name=a", "checkpoint.every=2")
    with rlexp_child(*words, **at("one", tmp_path)) as child:
        child.until(lambda: lines(place, "metrics.jsonl") >= 10)
        child.kill()
    assert manifest(copy("one", tmp_path, place))["status"] == "running"
    budget = steps(copy("one", tmp_path, place))[-1] + 20 * BATCH
    code, text = run("resume", place, f"stop.env_steps={budget}", **at("two", tmp_path))
    assert code == 0 and "resumed from step_" in text and f"folder        {place}" in text, text
    here = fetched(place)
    assert steps(here) == list(range(BATCH, budget + 1, BATCH)), "no step is lost or made twice"
    assert manifest(here)["status"] == "done" and manifest(here)["resumed"][0]["from"] is not None
    # What the first machine has is older; and what the second has since is not made on both.
    code, text = run("resume", place, **at("one", tmp_path))
    assert code == 2 and f"{place} is done" in text and f"rlexp resume {place} stop.env_steps=" in text, text
    assert steps(copy("one", tmp_path, place)) == steps(here)
    told = run(
        "evaluate", f"{place}/checkpoints/best", "evaluation.evaluation_duration=2", **at("one", tmp_path)
    )
    assert told[0] == 0, told[1]
    policy, env = rlexp.load(place, trust=True), rlexp.make_env(place)
    assert policy.act(env.reset(seed=0)[0]) in (0, 1)


@pytest.mark.slow
def test_a_run_that_another_process_went_on_with_stops(bucket: str, tmp_path: Path) -> None:
    """Two machines cannot know of each other but by the store; the one that lost the run keeps what it has made."""
    place = f"{bucket}/runs/a"
    words = (*CARTPOLE, "callbacks=none", f"runs_dir={bucket}/runs", "name=a", "checkpoint.every=20")
    with rlexp_child(*words, **at("one", tmp_path)) as child:
        child.until(lambda: lines(place, "metrics.jsonl") >= 20)
        code, text = run("resume", place, "stop.wall_s=3", "checkpoint.every=100", **at("two", tmp_path))
        assert code == 0, text
        assert child.end() == 1 and "another process has gone on with" in child.text, child.text
    assert manifest(fetched(place))["status"] == "done"
    made = steps(fetched(place))
    assert made == list(range(BATCH, made[-1] + 1, BATCH))
    assert len(steps(copy("one", tmp_path, place))) >= 20


@pytest.mark.slow
def test_a_run_in_a_bucket(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trained, gone on with elsewhere, evaluated and reported by whoever knows its address."""
    place = f"{bucket}/runs/a"
    words = (*CARTPOLE, "callbacks=none", f"runs_dir={bucket}/runs", "name=a", f"stop.env_steps={3 * BATCH}")
    outcome = rlexp.train(rlexp.compose(words))
    assert outcome.status == "done" and outcome.folder == local(place)
    monkeypatch.setenv("RLEXP_STORAGE", str(tmp_path / "elsewhere"))
    outcome = rlexp.resume(place, [f"stop.env_steps={6 * BATCH}"])
    assert outcome.folder == tmp_path / "elsewhere" / place.replace("://", "/")
    assert steps(outcome.folder) == WHOLE[:6]
    monkeypatch.setenv("RLEXP_STORAGE", str(tmp_path / "here"))
    assert (
        rlexp.evaluate(f"{place}/checkpoints/latest", ["evaluation.evaluation_duration=2"])["env_steps"]
        == 6 * BATCH
    )
    policy, env = rlexp.load(place), rlexp.make_env(place)
    assert policy.act(env.reset(seed=0)[0]) in (0, 1)
    again = rlexp.train(
        rlexp.compose([*words[:-2], f"checkpoint.from={place}", "name=b", "stop.iterations=1"])
    )
    assert again.status == "done" and "weights from" in again.folder.joinpath("log.txt").read_text()
    same = rlexp.compose(["name=c"], config_dir=place)
    assert (same.stop.env_steps, same.env.id, same.runs_dir) == (6 * BATCH, "CartPole-v1", "runs")
    assert Path(parse(["--config-dir", place]).config_dir) == local(place)
    with pytest.raises(ConfigError, match="there is nothing at"):
        parse(["--config-dir", f"{bucket}/runs/none"])
    report([f"{bucket}/runs"])
    found = json.loads(Bucket(f"{bucket}/runs").read("report.json") or b"")
    assert [run["env_steps"] for run in found["runs"]] == [6 * BATCH, BATCH]
    assert found["best"]["command"] in [f"rlexp --config-dir {bucket}/runs/{name}" for name in "ab"]


@pytest.mark.slow
def test_a_name_is_taken_for_all_machines(bucket: str, tmp_path: Path) -> None:
    words = (*CARTPOLE, "callbacks=none", f"runs_dir={bucket}/runs", "name=a", f"stop.env_steps={BATCH}")
    assert run(*words, **at("one", tmp_path))[0] == 0
    code, text = run(*words, **at("two", tmp_path))
    assert code == 2 and f"a run is already in {bucket}/runs/a" in text, text
    code, text = run(*words, "overwrite=true", **at("two", tmp_path))
    assert code == 0, text
    assert steps(fetched(f"{bucket}/runs/a")) == [BATCH]
    code, text = run("resume", f"{bucket}/runs/b", **at("two", tmp_path))
    assert code == 2 and f"there is nothing at {bucket}/runs/b" in text, text


@pytest.mark.parametrize(("key", "words"), [("runs_dir", ()), ("sweep.dir", ("-m", "seed=0,1"))])
def test_a_bucket_that_is_not_there_is_told_before_anything_starts(
    key: str, words: tuple[str, ...], bucket: str, tmp_path: Path
) -> None:
    place = f"{bucket}-none/x"
    code, text = run(*words, *CARTPOLE, f"{key}={place}", **at("one", tmp_path))
    assert code == 2 and "NO_SUCH_BUCKET" in text and "write: " in text, text


@pytest.mark.slow
def test_a_sweep_killed_on_one_machine_goes_on_on_another(bucket: str, tmp_path: Path) -> None:
    place = f"{bucket}/sweeps/a"
    budget = 100 * BATCH
    words = (
        "-m",
        *CARTPOLE,
        "callbacks=none",
        f"sweep.dir={bucket}/sweeps",
        "sweep.name=a",
        "sweep.concurrency=1",
    )
    first, second = f"{place}/trials/000-seed=0", f"{place}/trials/001-seed=1"
    given = ("seed=range(3)", "checkpoint.every=10", f"stop.env_steps={budget}")
    with rlexp_child(*words, *given, **at("one", tmp_path)) as child:
        child.until(lambda: lines(second, "metrics.jsonl") >= 25)
        for process in child.family:
            process.kill()
    before = (Bucket(first).read("metrics.jsonl"), Bucket(first).read("manifest.json"))
    code, text = run("resume", place, **at("two", tmp_path))
    assert code == 0 and "1 done before, 1 go on where they were, 1 begin" in text, text
    assert before == (Bucket(first).read("metrics.jsonl"), Bucket(first).read("manifest.json")), (
        "not run again"
    )
    table = rlexp.trials(place)
    assert list(table["status"]) == ["done"] * 3 and set(table["env_steps"]) == {budget}
    for trial in (first, second):
        assert steps(local(trial)) == list(range(BATCH, budget + 1, BATCH)), trial
    assert not [name for name in Bucket(place).sizes() if name.startswith(".tune")]
    assert {"report.html", "report.json", "sweep.json"} <= set(Bucket(place).sizes())
    code, text = run("evaluate", place, "evaluation.evaluation_duration=2", **at("three", tmp_path))
    assert code == 0 and "/trials/" in text, text
    code, text = run("report", place, "--png", **at("three", tmp_path))
    assert code == 0 and "report/scores.png" in Bucket(place).sizes(), text


@pytest.mark.slow
def test_a_population_in_a_bucket(bucket: str, tmp_path: Path) -> None:
    """Clones' states go by the bucket, too."""
    place = f"{bucket}/sweeps/a"
    words = ("-m", *CARTPOLE, "callbacks=none", f"sweep.dir={bucket}/sweeps", "sweep.name=a", "sweep=pbt")
    code, text = run(
        *words,
        f"stop.env_steps={BUDGET}",
        "sweep.trials=2",
        "algorithm.lr=tag(log,interval(1e-7,1e-1))",
        "checkpoint.keep=1",
        "checkpoint.every=4",
        "sweep.scheduler.quantile=0.5",
        f"sweep.scheduler.perturb_steps={4 * BATCH}",
        **at("one", tmp_path),
    )
    assert code == 0, text
    folder = copy("one", tmp_path, place)
    for name in trials(folder):
        found = steps(folder / "trials" / name)
        # Who takes over another's state goes on from its steps, which may be further.
        assert found == sorted(set(found) & set(WHOLE)) and found[-1] == BUDGET, found
        assert "was not brought" not in (folder / "trials" / name / "log.txt").read_text()
    assert any("took over" in (folder / "trials" / name / "log.txt").read_text() for name in trials(folder))
    assert not [name for name in Bucket(place).sizes() if name.startswith(".tune")]


@pytest.mark.slow
def test_machines_with_nothing_but_a_bucket_in_common_and_one_is_lost(bucket: str, tmp_path: Path) -> None:
    place, budget = f"{bucket}/sweeps/a", 80 * BATCH
    one_process = (
        "hardware=cluster",
        "hardware.num_env_runners=0",
        "hardware.num_envs_per_env_runner=1",
        "hardware.num_learners=0",
        "hardware.num_gpus_per_learner=0",
        "hardware.placement_strategy=PACK",
    )
    small = [word for word in CARTPOLE if not word.startswith("hardware")]
    with Machines(tmp_path / "head", tmp_path / "second") as machines:
        words = ("-m", *small, *one_process, "callbacks=none", f"sweep.dir={bucket}/sweeps", "sweep.name=a")
        given = (f"hardware.address={machines.address}", f"stop.env_steps={budget}", "checkpoint.every=10")
        with rlexp_child(*words, *given, "seed=range(4)", **at("person", tmp_path)) as child:

            def begun() -> bool:
                return all(lines(f"{place}/trials/00{n}-seed={n}", "metrics.jsonl") > 12 for n in range(4))

            child.until(begun, 400)
            machines.lose(1)
            assert child.end(240) == 0, child.text
    assert child.text.count("its machine was lost; it goes on from its last checkpoint") == 2, child.text
    folder = fetched(place)
    found = sorted((folder / "trials").iterdir())
    assert [steps(path) for path in found] == [list(range(BATCH, budget + 1, BATCH))] * 4
    assert json.loads((folder / "sweep.json").read_text())["status"] == "done"
    # The person's own machine has trained none of them; the report that it wrote knows all.
    report = json.loads((copy("person", tmp_path, place) / "report.json").read_text())
    assert [run["env_steps"] for run in report["runs"]] == [budget] * 4
