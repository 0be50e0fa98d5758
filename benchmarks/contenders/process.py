"""Runs one contender as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).resolve().parent.parent


class ContenderError(Exception):
    """A contender that did not measure anything; the message is the end of its output."""


def run(arguments: list[str], timeout_s: float) -> dict[str, Any]:
    """Its JSON line.

    Args:
        arguments: of the Python interpreter, `-m contenders.<module> ...`.
        timeout_s: after so many seconds it is ended.

    Raises:
        ContenderError: it failed, hung or printed no result.
    """
    path = os.pathsep.join(filter(None, [str(BENCHMARKS), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"}
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, *arguments],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ContenderError(f"no result within {timeout_s:g} s") from None
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise ContenderError("\n".join((done.stdout + done.stderr).splitlines()[-5:]))
    return json.loads(lines[-1])
