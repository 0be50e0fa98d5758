"""W&B's offline files through wandb's own reader, and the child process that writes them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CHILD = Path(__file__).with_name("tracked_child.py")
KEY = "0123456789abcdef0123456789abcdef01234567"


def logs(folder: Path) -> list[Path]:
    """The `.wandb` files of a run folder, oldest first."""
    return sorted((folder / "wandb").glob("offline-run-*/*.wandb"), key=lambda path: path.stat().st_mtime)


def inspect(log: Path, *arguments: str) -> str:
    from wandb.util import get_core_path

    command = [
        get_core_path(),
        "leet",
        "inspect",
        "-no-observability",
        "-json",
        *arguments,
        "-run-file",
        str(log),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def records(log: Path, kind: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in inspect(log).splitlines()]
    return [row[kind] for row in rows if row["type"] == kind]


def written(log: Path) -> Path:
    """`log`, once wandb's own process has written its last record: it may do so after `finish` has returned."""
    end = time.monotonic() + 10
    while not records(log, "exit") and time.monotonic() < end:
        time.sleep(0.05)
    return log


def history(log: Path) -> list[dict[str, Any]]:
    return [row["item"] for row in records(log, "history")]


def summary(log: Path) -> dict[str, Any]:
    return json.loads(inspect(log, "-summary"))


def environment(**extra: str) -> dict[str, str]:
    """This process's environment without its W&B settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    root = str(Path(__file__).parents[2])
    return {**kept, "PYTHONPATH": root, "NETRC": os.devnull, "WANDB_ERROR_REPORTING": "false", **extra}


def child(folder: Path, *arguments: Any, **extra: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(CHILD), str(folder), *(str(argument) for argument in arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=environment(**extra), cwd=folder.parent
    )


def finished(process: subprocess.Popen[str], timeout: float = 60) -> tuple[dict[str, float], str]:
    """The figures that the child printed last, and its standard error."""
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1]), err
