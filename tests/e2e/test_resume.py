"""A run that was killed, interrupted, moved or damaged goes on exactly where its last checkpoint stood."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import flip, records
from processes import BATCH, CARTPOLE, checkpoints, corridor, manifest, rlexp_child, run, summary
from schedules import LR, SCHEDULES, scheduled

from rlexp.base.errors import ConfigError


def test_24_a_split_run_counts_as_an_unsplit_one(train: Callable[..., Any]) -> None:
    from rlexp.run.resume import resume

    choice = (*CARTPOLE, *SCHEDULES)
    whole = train(*choice, "stop.iterations=6", "name=whole")
    split = train(*choice, "stop.iterations=2", "name=split")
    for iterations in (4, 6):
        split = resume(split.folder, [f"stop.iterations={iterations}"])
    keys = ("env_steps", "iteration", "learner/lr", "learner/curr_entropy_coeff", "train/episodes")
    one, two = records(whole.folder), records(split.folder)
    assert [r["iteration"] for r in two] == [1, 2, 3, 4, 5, 6]
    for key in keys[:4]:
        assert [r[key] for r in one] == [r[key] for r in two], key
    assert one[-1]["learner/lr"] == pytest.approx(scheduled(LR, one[-1]["env_steps"]))
    assert summary(split.folder)["env_steps"] == one[-1]["env_steps"]
    assert [entry["from"] for entry in manifest(split.folder)["resumed"]] == [
        f"step_{two[1]['env_steps']}",
        f"step_{two[3]['env_steps']}",
    ]


def test_a_done_run_says_what_lets_it_go_on(train: Callable[..., Any]) -> None:
    from rlexp.run.resume import resume

    done = train(*corridor(), "stop.iterations=1", "name=a", "stop.metric={train/return_mean: -100}")
    with pytest.raises(ConfigError, match=r"is done \(1 iterations\)[\s\S]*stop.iterations=2"):
        resume(done.folder)
    with pytest.raises(ConfigError, match=r"is done \(train/return_mean >= -100\)[\s\S]*stop.metric="):
        resume(done.folder, ["stop.iterations=5"])
    assert manifest(done.folder)["status"] == "done" and len(records(done.folder)) == 1
    for override, why in (
        ("env.id=Acrobot-v1", "checkpoint.from"),
        ("algorithm=dqn", "another algorithm"),
        ("model.fcnet_hiddens=[9]", "start a new run"),
        ("algorithm.lr=fast", "algorithm.lr"),
        ("stop.iteration=9", "stop.iterations"),
    ):
        with pytest.raises(ConfigError, match=why):
            resume(done.folder, [override])
    assert manifest(done.folder)["status"] == "done", "a refused resume changes nothing"


def test_a_moved_a_copied_and_a_damaged_run_go_on(
    train: Callable[..., Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from rlexp.run.resume import resume

    made = train(*corridor(), "stop.iterations=3", "name=a").folder
    moved = tmp_path / "elsewhere" / "b"
    shutil.copytree(made, moved, symlinks=True)
    shutil.move(made, tmp_path / "moved")
    outcome = resume(moved, ["stop.iterations=4"])
    assert outcome.folder == moved and len(records(moved)) == 4
    assert len(records(tmp_path / "moved")) == 3, "the copy is a run of its own"

    newest = max((tmp_path / "moved" / "checkpoints").glob("step_*"), key=lambda p: int(p.name[5:]))
    weights = next(newest.rglob("module_state.*"))
    flip(weights, weights.stat().st_size // 2)
    capfd.readouterr()
    outcome = resume(tmp_path / "moved", ["stop.iterations=4"])
    told = capfd.readouterr()
    assert weights.name in told.err and newest.name in told.err and "was altered" in told.err
    assert f"resumed from step_{records(moved)[1]['env_steps']}" in told.out
    lines = records(tmp_path / "moved")
    assert [r["iteration"] for r in lines] == [1, 2, 3, 4]
    assert [r["env_steps"] for r in lines] == [r["env_steps"] for r in records(moved)]


@pytest.mark.slow
def test_an_lstm_run_goes_on(train: Callable[..., Any]) -> None:
    from rlexp.run.resume import resume

    small = [word for word in corridor() if not word.startswith("model")]
    done = train(*small, "model=lstm", "model.lstm_cell_size=8", "stop.iterations=1", "name=a")
    assert resume(done.folder, ["stop.iterations=2"]).status == "done"


def steps_increase_by_whole_iterations(lines: list[dict[str, Any]]) -> None:
    assert [line["iteration"] for line in lines] == list(range(1, len(lines) + 1))
    gaps = np.diff([0, *[line["env_steps"] for line in lines]])
    assert (gaps == BATCH).all(), gaps


def test_killed_in_mid_run_and_resumed(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    folder, budget = tmp_path / "runs" / "a", 16 * BATCH
    choice = (*CARTPOLE, *SCHEDULES, f"stop.env_steps={budget}", "checkpoint.every=3", "name=a")
    with rlexp_child(*choice, "callbacks=none", folder=tmp_path) as child:
        child.until(lambda: len(records(folder)) >= 5)
        child.kill()
    before = records(folder)
    assert manifest(folder)["status"] == "running" and before[-1]["env_steps"] < budget
    saved = max(int(name[5:]) for name in checkpoints(folder) if name.startswith("step_"))
    lost = before[-1]["env_steps"] - saved
    assert lost < 4 * BATCH, "at most one checkpoint interval"

    start = time.perf_counter()
    with rlexp_child("resume", "runs/a", folder=tmp_path) as child:
        child.until(lambda: "resumed from" in child.text)
        record_property("seconds_to_resume", round(time.perf_counter() - start, 2))
        assert child.end() == 0, child.text
    record_property("lost_steps", lost)
    lines = records(folder)
    steps_increase_by_whole_iterations(lines)
    kept = [line for line in before if line["env_steps"] <= saved]
    assert lines[: len(kept)] == kept, "what was before the checkpoint stays"
    assert summary(folder)["env_steps"] == lines[-1]["env_steps"] == budget
    for line in lines:
        assert line["learner/lr"] == pytest.approx(scheduled(LR, line["env_steps"]))
    best = max(line["train/return_mean"] for line in lines if "train/return_mean" in line)
    assert summary(folder)["best_return_mean"] == pytest.approx(best)
    assert manifest(folder)["status"] == "done" and manifest(folder)["resumed"][0]["from"] == f"step_{saved}"


@pytest.mark.slow
def test_25_killed_before_its_first_checkpoint_a_run_starts_anew(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    with rlexp_child(*corridor(), "checkpoint.every=null", "name=a", folder=tmp_path) as child:
        child.until(lambda: len(records(folder)) >= 2)
        child.kill()
    identity = manifest(folder)["run_id"]
    code, text = run("resume", "runs/a", "stop.iterations=3", folder=tmp_path)
    assert code == 0 and "before its first checkpoint: training starts from the beginning" in text
    assert [line["iteration"] for line in records(folder)] == [1, 2, 3]
    assert manifest(folder)["run_id"] != identity and not math.isnan(summary(folder)["wall_s"])


@pytest.mark.slow
def test_two_remote_runners_go_on_with_the_same_weights(tmp_path: Path) -> None:
    remote = (*CARTPOLE, *SCHEDULES, "hardware.num_env_runners=2", "callbacks=none", "name=a")
    remote += ("hardware.num_cpus_per_env_runner=0.5",)
    folder = tmp_path / "runs" / "a"
    assert run(*remote, "stop.iterations=3", folder=tmp_path)[0] == 0
    code, text = run("resume", "runs/a", "stop.iterations=6", folder=tmp_path)
    assert code == 0, text
    lines = records(folder)
    assert [line["iteration"] for line in lines] == [1, 2, 3, 4, 5, 6]
    for line in lines:
        assert line["learner/lr"] == pytest.approx(scheduled(LR, line["env_steps"]))
