"""Measures the steps after the warm-up, from inside, and tells them in one JSON line."""

from __future__ import annotations

import json
import time
from typing import Any

import psutil


class Clock:
    """Wall time, CPU time of this process (all its threads) and growth of its memory over a number of env steps."""

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
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self, steps: int) -> None:
        """Stops it.

        Args:
            steps: env steps made so far.
        """
        assert self.steps is not None, "the clock was never started"
        self._told: dict[str, Any] = {
            "wall_s": time.perf_counter() - self._wall,
            "cpu_s": time.process_time() - self._cpu,
            "steps": steps - self.steps,
            "memory_bytes": psutil.Process().memory_info().rss - self._memory,
        }

    def tell(self, parameters: int, library: str, parts: dict[str, float] | None = None) -> None:
        """Prints what was measured.

        Args:
            parameters: trained ones, without target networks and entropy weight.
            library: name and version.
            parts: seconds of the measured wall time, by what they went to.
        """
        print(
            json.dumps(self._told | {"parameters": parameters, "library": library, "parts": parts or {}}),
            flush=True,
        )
