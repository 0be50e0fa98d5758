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


def interpreters(words: list[str]) -> dict[str, str]:
    """`sbx=ENV/bin/python` and so on, by contender.

    Raises:
        ValueError: one of them is no such pair, or names no file.
    """
    pairs = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not (name and equals and Path(path).is_file()):
            raise ValueError(f"--python {word}: CONTENDER=PATH is wanted, with the path of an interpreter")
        # Not resolved: a virtual environment's interpreter is a link, and is known by where the link lies.
        pairs[name] = str(Path.cwd() / path)
    return pairs


HOLDS_BACK = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Variables by which OpenBLAS takes another processor's kernels than this one's."""
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def environment(path: list[str]) -> dict[str, str]:
    """A contender's variables: one thread, offline, the processor's own kernels, `path` to import from."""
    kept = {name: value for name, value in os.environ.items() if name not in HOLDS_BACK}
    mine = {"PYTHONPATH": os.pathsep.join(path), "WANDB_MODE": "offline", "JAX_PLATFORMS": "cpu"}
    return kept | ONE_THREAD | mine


def run(
    arguments: list[str], timeout_s: float, python: str | None = None, core: int | None = None
) -> dict[str, Any]:
    """Its JSON line.

    Args:
        arguments: of the Python interpreter, `-m contenders.<module> ...`.
        timeout_s: after so many seconds it is ended.
        python: another interpreter, which imports nothing from `PYTHONPATH`; None: this one.
        core: the only one that it and all that it starts may use; None, or a system that can't: any.

    Raises:
        ContenderError: it failed, hung or printed no result.
    """
    inherited = os.environ.get("PYTHONPATH") if python is None else None
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen(
            [*_on_core(core), python or sys.executable, *arguments],
            cwd=folder,
            env=environment([str(BENCHMARKS), *filter(None, [inherited])]),
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


def _on_core(core: int | None) -> list[str]:
    """What is put before a command so that it stays on this core."""
    if core is None or not hasattr(os, "sched_setaffinity"):
        return []
    set_and_run = (
        "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); os.execvp(sys.argv[2], sys.argv[2:])"
    )
    return [sys.executable, "-S", "-c", set_and_run, str(core)]


def _end_group(child: subprocess.Popen[str]) -> None:
    """Ends what it has started too (Ray's processes, environments), which would disturb whoever is next."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
