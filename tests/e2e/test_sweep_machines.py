"""Sweeps on a cluster of two simulated machines with a folder in common: one is lost, then all are."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import records, sweep_state
from machines import Machines
from processes import BATCH, CARTPOLE, manifest, rlexp_child, run

BUDGET = 150 * BATCH
WHOLE = list(range(BATCH, BUDGET + 1, BATCH))
ONE_PROCESS = (
    "hardware=cluster",
    "hardware.num_env_runners=0",
    "hardware.num_envs_per_env_runner=1",
    "hardware.num_learners=0",
    "hardware.num_gpus_per_learner=0",
    "hardware.placement_strategy=PACK",
)
WORDS = (
    *(word for word in CARTPOLE if not word.startswith("hardware")),
    *ONE_PROCESS,
    "callbacks=none",
    "checkpoint.every=10",
    f"stop.env_steps={BUDGET}",
)

pytestmark = pytest.mark.slow


def steps(folder: Path) -> list[list[int]]:
    return [[row["env_steps"] for row in records(path)] for path in sorted((folder / "trials").iterdir())]


def running(folder: Path, count: int) -> bool:
    """Whether so many trials are on their way, with a checkpoint each."""
    if not (folder / "trials").is_dir():
        return False
    begun = [path for path in (folder / "trials").iterdir() if len(records(path)) > 12]
    return sum(manifest(path)["status"] == "running" for path in begun) >= count


def test_a_machine_is_lost_and_its_trials_go_on_on_the_other(tmp_path: Path) -> None:
    """No failure counts, no step is lost or made twice, and the other machine takes the checkpoints for its own."""
    folder = tmp_path / "sweeps" / "a"
    with Machines(tmp_path / "head", tmp_path / "second") as machines:
        words = ("-m", *WORDS, f"hardware.address={machines.address}", "sweep.name=a", "seed=range(6)")
        with rlexp_child(*words, folder=tmp_path, RLEXP_HOME=str(tmp_path / "person")) as child:
            child.until(lambda: running(folder, 4))
            before = [path.name for path in (folder / "trials").iterdir()]
            machines.lose(1)
            assert child.end(240) == 0, child.text
    assert child.text.count("its machine was lost; it goes on from its last checkpoint") == 2, child.text
    assert len(before) == 4 and steps(folder) == [WHOLE] * 6
    told = [manifest(path) for path in sorted((folder / "trials").iterdir())]
    assert [len(each.get("resumed", ())) for each in told].count(1) == 2
    assert {trial["status"] for trial in sweep_state(folder)["trials"].values()} == {"done"}
    # The trials' processes had other users' homes; the person's own key still answers for what they made.
    evaluate = ("evaluate", "sweeps/a", "hardware.address=local", "evaluation.evaluation_duration=2")
    code, text = run(*evaluate, folder=tmp_path, RLEXP_HOME=str(tmp_path / "person"))
    assert code == 0, text
    code, text = run(*evaluate, folder=tmp_path, RLEXP_HOME=str(tmp_path / "stranger"))
    assert code == 2 and "checkpoint.trust=true" in text, text


def test_the_whole_cluster_is_lost_and_another_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "a"
    with Machines(tmp_path / "head", tmp_path / "second") as machines:
        words = ("-m", *WORDS, f"hardware.address={machines.address}", "sweep.name=a", "seed=range(4)")
        with rlexp_child(*words, folder=tmp_path) as child:
            child.until(lambda: running(folder, 4))
            machines.lose(1)
            machines.lose(0)
            assert child.end(120) == 1, child.text
            assert "is gone" in child.text and f"rlexp resume {folder} hardware.address=" in child.text
    with Machines(tmp_path / "third") as machines:
        code, text = run("resume", "sweeps/a", f"hardware.address={machines.address}", folder=tmp_path)
    assert code == 0 and "4 go on where they were" in text, text
    assert steps(folder) == [WHOLE] * 4
