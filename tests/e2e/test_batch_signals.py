"""What batch systems and wrappers send, at any moment: saved, with an exit code to act on, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import records
from processes import (
    CARTPOLE,
    Command,
    checkpoints,
    corridor,
    gone,
    manifest,
    rlexp_child,
    run,
    signal_each,
    summary,
    trials,
)

SLOW = (*corridor("Slow", step_s=0.002), "checkpoint.every=null", "name=a")


def test_a_batch_systems_warning_saves_and_exits_with_a_code_to_requeue_on(tmp_path: Path) -> None:
    """Every process of the job gets it, twice: once by the batch system, once by a wrapper that forwards it."""
    folder = tmp_path / "runs" / "a"
    apart = ("hardware.gym_env_vectorize_mode=async", "hardware.num_envs_per_env_runner=2")
    with rlexp_child(*SLOW, *apart, "tracking=wandb", folder=tmp_path) as child:
        child.until(lambda: len(records(folder)) >= 2)
        family = child.family
        signal_each((*family, *family), signal.SIGUSR1)
        assert child.end(30) == 75, child.text
        assert gone(family, 5) == []
    last = records(folder)[-1]["env_steps"]
    assert (manifest(folder)["status"], manifest(folder)["reason"]) == ("stopped", "SIGUSR1")
    assert summary(folder)["checkpoint"] == f"checkpoints/step_{last}"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGTERM])
def test_a_job_with_rays_processes_hears_it_in_all_of_them(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM goes to the command alone: what Ray's own processes do on it is to end."""
    folder = tmp_path / "runs" / "a"
    remote = ("hardware.num_env_runners=2", "hardware.num_cpus_per_env_runner=0.5")
    with rlexp_child(*SLOW, *remote, folder=tmp_path) as child:
        child.until(lambda: len(records(folder)) >= 2)
        family = child.family
        signal_each(family if number == signal.SIGUSR2 else family[:1], number)
        child.process.send_signal(number)
        assert child.end(60) == (75 if number == signal.SIGUSR2 else 130), child.text
        assert gone(family, 30) == []
    last = records(folder)[-1]["env_steps"]
    assert summary(folder)["checkpoint"] == f"checkpoints/step_{last}"


@pytest.mark.slow
def test_a_sweep_saves_its_trials_and_exits_with_the_same_code(tmp_path: Path) -> None:
    words = ("-m", *SLOW[:-1], "seed=0,1", "sweep.name=s", "checkpoint.every=1000000")
    folder = tmp_path / "sweeps" / "s"
    with rlexp_child(*words, folder=tmp_path) as child:
        child.until(lambda: any(trial["env_steps"] for trial in _trials(folder)))
        signal_each(child.family, signal.SIGUSR1)
        assert child.end(90) == 75, child.text
    begun = [name for name, trial in trials(folder).items() if trial["env_steps"]]
    assert begun and json.loads((folder / "sweep.json").read_text())["status"] == "stopped"
    for name in begun:
        assert checkpoints(folder / "trials" / name)


def _trials(folder: Path) -> list[dict[str, object]]:
    return list(trials(folder).values()) if (folder / "sweep.json").exists() else []


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.3, 0.6, 1.0, 1.5, 2.0, 3.0, 4.0])
def test_sigterm_in_the_first_seconds_leaves_no_folder_that_says_it_runs(
    tmp_path: Path, after_s: float
) -> None:
    with rlexp_child(*SLOW, folder=tmp_path) as child:
        _let_python_begin(child.process.pid)
        time.sleep(after_s)
        child.process.terminate()
        child.process.terminate()
        assert child.end(30) == 130, child.text
    assert "Traceback" not in child.text
    folder = tmp_path / "runs" / "a"
    if folder.exists():
        assert manifest(folder)["status"] == "stopped"
    code, text = run(*corridor(), "stop.iterations=1", "name=a", folder=tmp_path)
    assert code == 0 or "rlexp resume" in text and records(folder), text


def _let_python_begin(pid: int) -> None:
    """Until the command catches signals: before that, there is nothing to catch them."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        caught = next(
            int(line.split()[1], 16)
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith("SigCgt")
        )
        if caught >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.005)
    raise AssertionError("it never caught SIGTERM")


@pytest.mark.slow
def test_what_a_killed_process_left_in_the_temporary_folder_goes_with_the_next_start(
    tmp_path: Path, command: Command
) -> None:
    temporary, folder = tmp_path / "t", tmp_path / "runs" / "a"
    temporary.mkdir()
    with rlexp_child(*SLOW, "tracking=wandb", folder=tmp_path, TMPDIR=str(temporary)) as child:
        child.until(lambda: list(folder.glob("wandb/*run*/*.wandb")) and not _service_starts(temporary))
        family = child.family
        child.kill()
        assert gone(family, 20) == []
    assert any(path.name.startswith("rlexp-") for path in temporary.iterdir())
    (temporary / "rlexp-of-somebody").mkdir()
    code, text = run("clean", folder=tmp_path, TMPDIR=str(temporary))
    assert code == 0 and f"deleted {temporary}/rlexp-" in text, text
    assert [path.name for path in temporary.iterdir()] == ["rlexp-of-somebody"]
    assert manifest(folder)["status"] == "failed"


def _service_starts(temporary: Path) -> bool:
    return any(path.name.startswith("tmp") and "wandb" not in path.name for path in temporary.iterdir())


@pytest.mark.slow
def test_rays_sessions_of_killed_drivers_are_deleted(tmp_path: Path) -> None:
    folder, short = tmp_path / "runs" / "a", Path("/tmp") / f"r{os.getpid()}"
    remote = (*CARTPOLE, "hardware.num_env_runners=1", "hardware.num_cpus_per_env_runner=0.5", "name=a")
    with rlexp_child(*remote, folder=tmp_path, RAY_TMPDIR=str(short)) as child:
        child.until(lambda: len(records(folder)) >= 1)
        sessions = [path for path in (short / "ray").glob("session_*_*")]
        assert len(sessions) == 1
        child.kill()
        end = time.monotonic() + 30
        while sessions[0].exists() and time.monotonic() < end:
            time.sleep(0.2)
    assert not sessions[0].exists()
    subprocess.run(["rm", "-r", str(short)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("left", [pytest.param(0, marks=pytest.mark.landing), 3000])
def test_a_disk_that_somebody_else_fills_leaves_a_run_that_says_it_failed(
    tmp_path: Path, mount: Callable[[str, str], Path], left: int
) -> None:
    disk = mount("disk", "size=6m")
    words = (*corridor("Slow", step_s=0.0005), "tracking=none", "name=a", f"runs_dir={disk}")
    with rlexp_child(*words, folder=tmp_path) as child:
        child.until(lambda: records(disk / "a"))
        _fill(disk, left)
        assert child.end(60) == 1, child.text
    assert manifest(disk / "a")["status"] == summary(disk / "a")["status"] == "failed", child.text
    assert "no space is left on the disk" in child.text.lower()
    assert "json could not be written" not in child.text


def _fill(disk: Path, left: int) -> None:
    """All but `left` bytes, and again what the run gives back at first."""
    with (disk / "ballast").open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            file.truncate(max(0, file.tell() - left))
