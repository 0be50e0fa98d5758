"""Runs one contender as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
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
        child = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, err = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise ContenderError(f"no result within {timeout_s:g} s") from None
        finally:
            _end_group(child)
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if child.returncode or not lines:
        raise ContenderError("\n".join((out + err).splitlines()[-5:]))
    return json.loads(lines[-1])


def _end_group(child: subprocess.Popen[str]) -> None:
    """Ends what it has started too (Ray's processes, environments), which would disturb whoever is next."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
