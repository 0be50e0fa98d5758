"""Runs that several end-to-end tests read, and one way to train in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import train_tiny
from processes import SETTINGS, Command, own_settings


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished PPO run of two iterations on CartPole; tests only read it."""
    folder = tmp_path_factory.mktemp("finished")
    return train_tiny(["name=first", "algorithm.lr=0.002", "seed=7", "tracking=none"], folder).folder


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Working folder and settings are those of the commands that `processes` starts in `tmp_path`."""
    for name in (name for name in list(os.environ) if name.startswith(SETTINGS)):
        monkeypatch.delenv(name)
    for name, value in own_settings(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(at_home: Path, capfd: pytest.CaptureFixture[str]) -> Command:
    """`rlexp <words>` in this process; returns the exit code and what the person saw."""
    from rlexp.cli.main import main

    def run(*words: str) -> tuple[int, str]:
        capfd.readouterr()
        code = main(list(words))
        told = capfd.readouterr()
        return code, told.out + told.err

    return run


@pytest.fixture
def train(at_home: Path) -> Callable[..., Any]:
    """Trains in this process, in `tmp_path/runs`; returns the outcome, of a failed run too."""
    import rlexp

    def start(*overrides: str) -> Any:
        return rlexp.train(rlexp.compose(["callbacks=none", *overrides, f"runs_dir={at_home / 'runs'}"]))

    return start


@pytest.fixture
def payload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, and a module that leaves a canary when it is imported or called."""
    canary = tmp_path / "canary"
    (tmp_path / "payload").mkdir()
    (tmp_path / "payload" / "evil_payload.py").write_text(
        f"from pathlib import Path\nPath({str(canary)!r}).touch()\n"
        f"def run(*_, **__):\n    Path({str(canary)!r}).touch()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "payload"))
    monkeypatch.delitem(sys.modules, "evil_payload", raising=False)
    monkeypatch.setenv("SECRET_OF_MINE", "s3cr3t")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return canary
