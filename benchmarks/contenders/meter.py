"""What a command costs with every process that it starts: wall and CPU time, most memory and most processes at once."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

EVERY_S = 0.2


def metered(command: Sequence[str], folder: Path, **environment: str) -> dict[str, float]:
    """Runs `command` in `folder` to its end.

    The CPU time of a process that is gone is what it had used when it was last looked at, five times a second; memory
    is proportional (PSS), so that pages which processes share count once; `own_gib` is the command's own process alone.

    Raises:
        RuntimeError: it failed; with the end of its output.
    """
    out = folder / "output.txt"
    begin = time.perf_counter()
    with out.open("wb") as file:
        child = psutil.Popen(
            command, cwd=folder, stdout=file, stderr=subprocess.STDOUT, env=os.environ | environment
        )
        cpu: dict[tuple[int, float], float] = {}
        most_memory, most_processes, most_own = 0.0, 0, 0.0
        while child.poll() is None:
            family = _family(child)
            memory = 0.0
            for process in family:
                with contextlib.suppress(psutil.Error):
                    times = process.cpu_times()
                    cpu[process.pid, process.create_time()] = times.user + times.system
                    memory += process.memory_full_info().pss
            most_memory, most_processes = max(most_memory, memory), max(most_processes, len(family))
            with contextlib.suppress(psutil.Error):
                most_own = max(most_own, float(child.memory_info().rss))
            time.sleep(EVERY_S)
    wall = time.perf_counter() - begin
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}:\n{out.read_text()[-3000:]}")
    return {
        "wall_s": wall,
        "cpu_s": sum(cpu.values()),
        "memory_gib": most_memory / 2**30,
        "own_gib": most_own / 2**30,
        "processes": float(most_processes),
    }


def _family(child: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return [child, *child.children(recursive=True)]
    return []
