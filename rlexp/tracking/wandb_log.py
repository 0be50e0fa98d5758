"""What an earlier process of a run left in W&B's files, read by wandb's own command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

READ_S = 60.0


def last_step(folder: Path, run_id: str) -> int:
    """The last step in any W&B file of this run under the run's folder; -1 where there is none.

    A file whose process was killed is read up to its last whole row; one without a row, or damaged, counts as
    none.
    """
    files = sorted((folder / "wandb").glob(f"*run-*/run-{run_id}.wandb"))
    return max((_last_step_in(file) for file in files), default=-1)


def _last_step_in(file: Path) -> int:
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", "--json", str(file)]
    environment = {**os.environ, "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=READ_S, env=environment)
        summary = json.loads(done.stdout).get("summary") or {}
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return -1
    return int(summary.get("_step", -1))
