"""Ctrl-C, SIGTERM and a closed terminal, at any moment: what was trained is saved, nothing stays behind."""

from __future__ import annotations

import os
import pty
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from breaking import ON_PATH, TRUSTED
from harness import records
from processes import (
    Command,
    checkpoints,
    corridor,
    environment_of,
    gone,
    manifest,
    rlexp_child,
    run,
    summary,
)

SLOW = (*corridor("Slow", step_s=0.002), "checkpoint.every=null", "name=a")
"""An iteration takes some 0.2 s."""


def saved_and_stopped(folder: Path, signal_name: str) -> None:
    """The last iteration that was trained is in a sealed checkpoint, and every record says why it ended."""
    last = records(folder)[-1]["env_steps"]
    assert [name for name in checkpoints(folder) if "step_" in name] == [f"step_{last}"]
    for told in (manifest(folder), summary(folder)):
        assert (told["status"], told["reason"]) == ("stopped", signal_name)
    assert summary(folder)["checkpoint"] == f"checkpoints/step_{last}"


def test_13_ctrl_c_in_an_iteration_saves_it_and_the_run_goes_on_later(
    tmp_path: Path, command: Command
) -> None:
    folder = tmp_path / "runs" / "a"
    apart = ("hardware.gym_env_vectorize_mode=async", "hardware.num_envs_per_env_runner=2")
    with rlexp_child(*SLOW, *apart, "callbacks=progress", folder=tmp_path) as child:
        child.until(lambda: len(records(folder)) >= 2)
        family = child.family
        assert len(family) >= 3, "the environments have processes of their own"
        child.signal_group(signal.SIGINT)
        assert child.end(30) == 130, child.text
        assert "SIGINT: finishing this iteration, then saving (once more to stop at once" in child.text
        assert child.text.count("SIGINT") <= 2, "the environments' processes have nothing to say"
        assert gone(family, 5) == []
    saved_and_stopped(folder, "SIGINT")
    iterations = len(records(folder))
    code, text = command("resume", "runs/a", f"stop.iterations={iterations + 1}")
    assert code == 0 and f"resumed from step_{records(folder)[-2]['env_steps']}" in text
    assert len(records(folder)) == iterations + 1


def test_13_sigterm_while_building_leaves_nothing_half_done(tmp_path: Path, command: Command) -> None:
    folder = tmp_path / "runs" / "a"
    with rlexp_child(*SLOW, folder=tmp_path) as child:
        child.until(lambda: "building" in child.text)
        child.process.terminate()
        assert child.end(30) == 130, child.text
        assert "interrupted before training began" in child.text
    assert manifest(folder)["status"] == "stopped" and checkpoints(folder) == []
    code, text = command(*corridor(), "stop.iterations=1", "name=a")
    assert code == 0, "what came to nothing does not block its name"


@pytest.mark.slow
def test_13_ctrl_c_ends_a_step_that_hangs(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    hanging = (*corridor("Slow", step_s=0.0, hang_at=250), "name=a", "tracking=tensorboard")
    with rlexp_child(*hanging, folder=tmp_path) as child:
        child.until(lambda: len(records(folder)) >= 1)
        time.sleep(0.5)
        child.signal_group(signal.SIGINT)
        assert child.end(20) == 130, child.text
        assert "finishing this iteration" in child.text
    assert manifest(folder)["reason"] == "SIGINT"
    assert "Traceback" not in child.text and "step_" in summary(folder)["checkpoint"]


@pytest.mark.slow
@pytest.mark.landing
def test_13_a_second_ctrl_c_ends_what_does_not_end_by_itself(tmp_path: Path) -> None:
    folder, mark = tmp_path / "runs" / "a", tmp_path / "mark"
    waits = f"+callbacks.waits={{_target_: breaking.Waits, mark: {mark}}}"
    with rlexp_child(*corridor(), waits, TRUSTED, "name=a", folder=tmp_path, **ON_PATH) as child:
        child.until(mark.exists)
        child.signal_group(signal.SIGINT)
        child.until(lambda: "finishing this iteration" in child.text)
        time.sleep(2.0)  # A callback is not broken off.
        child.signal_group(signal.SIGINT)
        assert child.end(20) == 130, child.text
    assert manifest(folder)["reason"] == "interrupted at once; the last checkpoint stands"


@pytest.mark.slow
@pytest.mark.landing
def test_a_closed_terminal_saves_the_run(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    master, terminal = pty.openpty()
    command = [sys.executable, "-m", "rlexp.cli.main", *SLOW, "callbacks=progress"]
    process = subprocess.Popen(
        ["setsid", "--ctty", *command],
        cwd=tmp_path,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment_of(tmp_path),
    )
    os.close(terminal)
    seen = b""
    try:
        end = time.monotonic() + 60
        os.set_blocking(master, False)
        while len(records(folder)) < 2 and time.monotonic() < end:
            try:
                seen += os.read(master, 4096)
            except BlockingIOError:
                time.sleep(0.01)
        os.close(master)
        assert process.wait(30) is not None
    finally:
        if process.poll() is None:
            process.kill()
    saved_and_stopped(folder, "SIGHUP")


@pytest.mark.slow
def test_a_reader_that_goes_away_does_not_end_the_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rlexp.cli.main", *corridor(), "stop.iterations=2", "name=a"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment_of(tmp_path)
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"building ...\n"
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr is not None and b"Error" not in process.stderr.read()
    assert manifest(tmp_path / "runs" / "a")["status"] == "done"


def test_the_command_itself_may_be_interrupted(tmp_path: Path) -> None:
    """While Python still imports and composes there is nothing to keep."""
    with rlexp_child(*SLOW, folder=tmp_path) as child:
        time.sleep(0.2)
        child.signal_group(signal.SIGINT)
        assert child.end(30) in (130, 1, -signal.SIGINT)
    assert not (tmp_path / "runs" / "a" / "checkpoints").exists()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_13_at_random_times(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    number = chance.choice([signal.SIGINT, signal.SIGTERM])
    folder = tmp_path / "runs" / "a"
    words = (*corridor("Slow", step_s=0.0005), "evaluation=default", "evaluation.evaluation_interval=2")
    words += ("evaluation.evaluation_duration=2", "tracking=wandb", "callbacks=progress", "name=a")
    with rlexp_child(*words, folder=tmp_path) as child:
        child.until(lambda: "building" in child.text)
        time.sleep(chance.uniform(0.0, 12.0))
        family = child.family
        child.signal_group(number)
        assert child.end(60) == 130, child.text
        assert gone(family, 10) == []
    assert manifest(folder)["status"] == "stopped"
    assert [name for name in checkpoints(folder) if name.startswith(".")] == []
    if records(folder):
        last = records(folder)[-1]["env_steps"]
        assert summary(folder)["checkpoint"] == f"checkpoints/step_{last}"
        code, text = run("resume", "runs/a", f"stop.env_steps={last + 1}", folder=tmp_path)
        assert code == 0 and f"resumed from step_{last}" in text


@pytest.mark.slow
def test_13_ctrl_c_with_remote_runners(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    words = (*corridor("Slow", step_s=0.002), "name=a", "hardware.num_env_runners=2")
    words += ("hardware.num_cpus_per_env_runner=0.5",)
    with rlexp_child(*words, folder=tmp_path) as child:
        child.until(lambda: len(records(folder)) >= 2)
        family = child.family
        child.signal_group(signal.SIGINT)
        assert child.end(60) == 130, child.text
        assert gone(family, 30) == []
    assert manifest(folder)["reason"] == "SIGINT"
    assert summary(folder)["checkpoint"] == f"checkpoints/step_{records(folder)[-1]['env_steps']}"
