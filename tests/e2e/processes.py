"""The `rlexp` command as a child process that can be watched, signalled and killed; and small runs for it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
from harness import CHECKOUT

BATCH = 200

SMALL = (
    "env=gym",
    "tuned=none",
    "hardware=local",
    "hardware.num_envs_per_env_runner=1",
    "evaluation=none",
    "tracking=none",
    "checkpoint.every=1",
    f"algorithm.train_batch_size_per_learner={BATCH}",
    "algorithm.minibatch_size=100",
    "algorithm.num_epochs=1",
    "model=mlp",
    "model.fcnet_hiddens=[8]",
    "stop.env_steps=10000000",
)
"""A PPO whose iterations take some hundredths of a second."""

CARTPOLE = ("env=cartpole", *SMALL[1:])

Command = Callable[..., tuple[int, str]]
"""The fixture `command`: the exit code and what the person saw of `rlexp <words>`, run in the test's process."""


def corridor(name: str = "Corridor", **arguments: Any) -> tuple[str, ...]:
    """The small PPO on one of `envs.testing`."""
    given = [f"+env.config.{key}={value}" for key, value in arguments.items()]
    return ("env=gym", f"env.id=envs.testing.{name}", *given, *SMALL[1:])


class Child:
    """A running `rlexp` command in a process group of its own, as a terminal would start it."""

    def __init__(self, words: Sequence[str], folder: Path, **environment: str) -> None:
        self.folder = folder
        self.out = folder / f"out-{time.monotonic_ns()}.txt"
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rlexp.cli.main", *words],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment_of(folder) | environment,
                start_new_session=True,
            )

    def until(self, seen: Callable[[], Any], timeout: float = 120.0) -> None:
        """Waits until `seen()`; fails when the child ends or time runs out first."""
        end = time.monotonic() + timeout
        while not seen():
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.text}"
            assert time.monotonic() < end, f"not within {timeout} s:\n{self.text}"
            time.sleep(0.005)

    def signal_group(self, number: signal.Signals) -> None:
        """What a terminal does on Ctrl-C: every process of the group gets the signal."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """SIGKILL to the command alone."""
        self.process.kill()
        self.process.wait()

    def end(self, timeout: float = 120.0) -> int:
        """Waits for the exit code."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise AssertionError(f"still running after {timeout} s:\n{self.text}") from None

    @property
    def text(self) -> str:
        """What the person has seen so far."""
        return self.out.read_text(errors="replace")

    @property
    def family(self) -> list[psutil.Process]:
        """The command and all processes that it has started, and they."""
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        return []


SETTINGS = ("WANDB_", "RAY_", "RLEXP_")
"""How the names begin of environment variables that are the settings of the person who runs the tests."""


def own_settings(folder: Path) -> dict[str, str]:
    """A key of the folder's own, and no account."""
    return {
        "RLEXP_HOME": str(folder / "home"),
        "WANDB_MODE": "offline",
        "WANDB_ERROR_REPORTING": "false",
        "NETRC": os.devnull,
    }


def environment_of(folder: Path) -> dict[str, str]:
    """No account, no settings and no key of the person who runs the tests."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(SETTINGS)}
    fixed = {"PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    return {**kept, **own_settings(folder), **fixed}


@contextlib.contextmanager
def rlexp_child(*words: str, folder: Path, **environment: str) -> Iterator[Child]:
    """A child that does not outlive the test."""
    child = Child(words, folder, **environment)
    try:
        yield child
    finally:
        family = child.family
        if child.process.poll() is None:
            child.kill()
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()


def signal_each(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    """Sends the signal to each that is still there: the first to get it may end the others."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def run(*words: str, folder: Path, timeout: float = 120.0, **environment: str) -> tuple[int, str]:
    """Runs the command to its end; returns the exit code and what the person saw."""
    with rlexp_child(*words, folder=folder, **environment) as child:
        return child.end(timeout), child.text


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


def summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


def trials(folder: Path) -> dict[str, Any]:
    """How a sweep's trials stand, by their names."""
    found: dict[str, Any] = json.loads((folder / "sweep.json").read_text())["trials"]
    return found


def checkpoints(folder: Path) -> list[str]:
    """Names in the checkpoint folder, hidden ones too."""
    store = folder / "checkpoints"
    return sorted(p.name for p in store.iterdir()) if store.is_dir() else []


def gone(processes: Sequence[psutil.Process], timeout: float) -> list[psutil.Process]:
    """Those of `processes` that are still there after `timeout` seconds."""
    return psutil.wait_procs(processes, timeout=timeout)[1]
