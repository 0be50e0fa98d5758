"""Measures the steps after the warm-up, from inside, and tells them in one JSON line."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from typing import Any

import psutil


class Clock:
    """Wall time, CPU time and growth of memory over a number of env steps.

    CPU time is that of this process, with all its threads, and of every process below it, living or ended.
    """

    def __init__(self) -> None:
        self.steps: int | None = None

    @property
    def runs(self) -> bool:
        """Whether it has been started."""
        return self.steps is not None

    def start(self, steps: int = 0) -> None:
        """Starts it.

        Args:
            steps: env steps made so far.
        """
        self.steps = steps
        self._memory = psutil.Process().memory_info().rss
        self._below = below_cpu_s()
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self, steps: int) -> None:
        """Stops it.

        Args:
            steps: env steps made so far.
        """
        assert self.steps is not None, "the clock was never started"
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        self._told: dict[str, Any] = {
            "wall_s": wall,
            "cpu_s": cpu + max(0.0, below_cpu_s() - self._below),
            "steps": steps - self.steps,
            "memory_bytes": psutil.Process().memory_info().rss - self._memory,
        }

    def tell(self, parameters: int, library: str, parts: dict[str, float] | None = None, **more: Any) -> None:
        """Prints what was measured.

        Args:
            parameters: trained ones, without target networks and entropy weight.
            library: name and version.
            parts: seconds of the measured wall time, by what they went to.
            more: what else is to stand in the line: `compile_s` before the clock, `kernel` in place of what is loaded.
        """
        told = {
            "parameters": parameters,
            "library": library,
            "parts": parts or {},
            "kernel": loaded_kernels(),
        }
        print(json.dumps(self._told | told | more), flush=True)


def below_cpu_s() -> float:
    """CPU seconds of all processes below this one so far; those that ended count through who waited for them."""
    ended = os.times()
    total = ended.children_user + ended.children_system
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            # user, system and, on Linux, those of its own ended children.
            total += sum(process.cpu_times()[:4])
    return total


def numpys_openblas() -> str:
    """`OpenBLAS` and the processor that numpy's takes its kernels for; empty if that can't be seen."""
    with contextlib.suppress(ImportError):
        from threadpoolctl import threadpool_info

        for library in threadpool_info():
            if library["internal_api"] == "openblas" and "numpy" in library["filepath"]:
                return f"OpenBLAS {library['architecture']}"
    return ""


def loaded_kernels() -> str:
    """The libraries of linear algebra in this process, with the instructions that they take their kernels for."""
    names = [f"numpy: {openblas}"] if (openblas := numpys_openblas()) else []
    if torch := sys.modules.get("torch"):
        names.append(f"torch: {torch.backends.cpu.get_cpu_capability()}")
    if jaxlib := sys.modules.get("jaxlib"):
        names.append(f"jax: XLA {jaxlib.__version__}")
    return ", ".join(names)
