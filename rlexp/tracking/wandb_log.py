"""What an earlier process of a run left in W&B's files, read by wandb's own command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

READ_S = 60.0


@dataclass(frozen=True)
class Segment:
    """The W&B run that a process of a run logs to.

    W&B takes no row at a step that it has had, and keeps those that it has. So a run that goes on from a checkpoint
    that lies before its last row in W&B begins another W&B run, which gets its whole record.

    Attributes:
        id: of the W&B run.
        last_step: of the last row that it has; -1 where it has none.
        replaces: the W&B run that has rows which no longer count; None where there is none.
    """

    id: str
    last_step: int
    replaces: str | None = None


def segment(folder: Path, run_id: str, resumed_at: int) -> Segment:
    """Where a run whose state is that of `resumed_at` env steps goes on.

    Args:
        folder: the run's.
        run_id: the run's; its first W&B run has the same, later ones `<run_id>-2` and so on.
        resumed_at: env steps.
    """
    number = max((_number(file, run_id) for file in _files(folder, f"{run_id}-*")), default=1)
    current = _id(run_id, number)
    last = last_step(folder, current)
    if last > resumed_at:
        return Segment(_id(run_id, number + 1), -1, replaces=current)
    return Segment(current, last)


def _id(run_id: str, number: int) -> str:
    return run_id if number == 1 else f"{run_id}-{number}"


def _number(file: Path, run_id: str) -> int:
    text = file.stem.removeprefix(f"run-{run_id}-")
    return int(text) if text.isdecimal() else 1


def _files(folder: Path, name: str) -> list[Path]:
    return sorted((folder / "wandb").glob(f"*run-*/run-{name}.wandb"))


def last_step(folder: Path, run_id: str) -> int:
    """The last step in any W&B file of this run under the run's folder; -1 where there is none.

    A file whose process was killed is read up to its last whole row; one without a row, or damaged, counts as
    none.
    """
    return max((_last_step_in(file) for file in _files(folder, run_id)), default=-1)


def _last_step_in(file: Path) -> int:
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", "--json", str(file.resolve())]
    environment = {**os.environ, "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
    try:
        # Not in the working folder: `-m` imports from there first, and it may be a stranger's.
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=READ_S, env=environment, cwd=sys.prefix
        )
        summary = json.loads(done.stdout).get("summary") or {}
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return -1
    return int(summary.get("_step", -1))
