"""Faults of the machine and of the command, each really caused in a run; the numbers are those of the faults."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from breaking import ON_PATH, TRUSTED
from harness import records
from processes import BATCH, CARTPOLE, SMALL, Command, checkpoints, corridor, gone, manifest, rlexp_child, run


def test_12_a_metric_that_is_not_logged_is_told_with_the_nearest(tmp_path: Path, command: Command) -> None:
    code, text = command(*CARTPOLE, "stop.metric={train/retrun_mean: 5}", "name=a")
    assert code == 2 and "train/retrun_mean" in text and "did you mean: train/return_mean" in text
    assert not (tmp_path / "runs" / "a").exists()


def test_19_a_full_disk_fails_the_run_with_one_line_and_keeps_the_last_checkpoint(
    tmp_path: Path, mount: Callable[[str, str], Path], command: Command
) -> None:
    disk = mount("disk", "size=6m")
    wide = [word for word in corridor() if not word.startswith("model.")]
    words = (*wide, "model.fcnet_hiddens=[300,300]", "checkpoint.keep=100", "callbacks=progress", "name=a")
    code, text = run(*words, "tracking=[wandb,tensorboard]", f"runs_dir={disk}", folder=tmp_path)
    assert code == 1, text
    errors = [line for line in text.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and "no space is left on the disk" in errors[0].lower()
    assert "Traceback" not in text
    kept = [name for name in checkpoints(disk / "a") if not name.startswith(".")]
    whole = max(int(name[5:]) for name in kept if name.startswith("step_"))
    assert [name for name in checkpoints(disk / "a") if name.startswith(".")] == []
    assert manifest(disk / "a")["status"] == "failed"
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    iterations = whole // BATCH + 1
    code, text = command("resume", str(disk / "a"), f"stop.iterations={iterations}", "tracking=none")
    assert code == 0 and f"resumed from step_{whole}:" in text, text
    assert [line["iteration"] for line in records(disk / "a")] == list(range(1, iterations + 1))


def test_20_a_read_only_place_is_refused_before_training(
    tmp_path: Path, mount: Callable[[str, str], Path], command: Command
) -> None:
    disk = mount("disk", "size=1m,ro")
    code, text = command(*corridor(), "name=a", f"runs_dir={disk}/runs")
    assert code == 2 and "read-only" in text and "runs_dir=" in text and "building" not in text


def test_21_temporary_files_on_another_filesystem_do_no_harm(
    train: Callable[..., Any], mount: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = mount("disk", "size=8m")
    monkeypatch.setenv("TMPDIR", str(disk))
    monkeypatch.setattr(tempfile, "tempdir", None)
    done = train(*corridor(), "stop.iterations=2", "name=a")
    assert done.exit_code == 0 and checkpoints(done.folder)[-1] == f"step_{2 * BATCH}"
    assert [path.name for path in disk.iterdir()] == [], "and nothing stays there"


def test_29_a_second_launch_in_the_same_folder_is_refused(tmp_path: Path, command: Command) -> None:
    folder = tmp_path / "runs" / "a"
    with rlexp_child(*corridor("Slow", step_s=0.001), "name=a", folder=tmp_path) as child:
        child.until(lambda: manifest(folder) if (folder / "manifest.json").exists() else None)
        for words in ((*corridor(), "name=a", "overwrite=true"), ("resume", "runs/a")):
            code, text = command(*words)
            assert code == 2 and f"another process is using {folder}" in text, text
            assert f"pid {child.process.pid}" in text
        child.until(lambda: records(folder))
    assert manifest(folder)["status"] == "running"


@pytest.mark.slow
@pytest.mark.landing
def test_33_34_killed_with_remote_runners_no_process_stays_and_the_run_goes_on(tmp_path: Path) -> None:
    """Under a stale RAY_ADDRESS, which must not be followed."""
    folder = tmp_path / "runs" / "a"
    remote = (
        "hardware.num_env_runners=1",
        "hardware.num_cpus_per_env_runner=0.5",
        "callbacks=none",
        "name=a",
    )
    stale = {"RAY_ADDRESS": "127.0.0.1:1"}
    with rlexp_child(*CARTPOLE, *remote, folder=tmp_path, **stale) as child:
        child.until(lambda: len(records(folder)) >= 2)
        family = child.family
        assert len(family) > 5
        child.kill()
        assert gone(family, 30) == []
    iterations = len(records(folder)) + 1
    code, text = run("resume", "runs/a", f"stop.iterations={iterations}", folder=tmp_path, **stale)
    assert code == 0, text
    assert [line["iteration"] for line in records(folder)] == list(range(1, iterations + 1))
    assert "RAY_ADDRESS=127.0.0.1:1 is ignored" in (folder / "log.txt").read_text()
    assert not [p for p in psutil.process_iter() if p.pid in {f.pid for f in family} and p.name() == "raylet"]


def test_35_more_cpus_than_there_are_is_told_before_anything_starts(tmp_path: Path, command: Command) -> None:
    code, text = command(*CARTPOLE, "hardware.num_env_runners=1000", "name=a")
    assert code == 2 and "1000" in text and "hardware.num_env_runners" in text and "training" not in text
    assert not (tmp_path / "runs" / "a").exists()


@pytest.mark.slow
def test_a_refusal_after_building_stops_every_process(tmp_path: Path) -> None:
    """That a checkpoint has other spaces is found out when the algorithm and Ray are there already."""
    (tmp_path / "width").write_text("3")
    wide = ("env=gym", "env.id=breaking.Wide", TRUSTED, *SMALL[1:])
    assert run(*wide, "stop.iterations=1", "name=a", folder=tmp_path, **ON_PATH)[0] == 0
    (tmp_path / "width").write_text("4")
    remote = ("hardware.num_env_runners=1", "checkpoint.from=runs/a", "name=b")
    with rlexp_child(*wide, *remote, folder=tmp_path, **ON_PATH) as child:
        child.until(lambda: len(child.family) > 5)
        family = child.family
        assert child.end(60) == 2, child.text
        assert gone(family, 30) == []
    assert not (tmp_path / "runs" / "b").exists()
