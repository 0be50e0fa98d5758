"""Environments that never come back, each in another way."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import time
from typing import Any

from envs.testing import Corridor, Step


class Hanging(Corridor):
    """Hangs, at one step or at one reset.

    Args:
        how: `python` swallows all errors meanwhile; `native` waits in C for ever; `locked` also keeps the
            interpreter's lock.
        at_step: the step, counted from 1 over all episodes, that hangs; null means none.
        at_reset: the same for resets.
    """

    def __init__(
        self, how: str = "python", at_step: int | None = None, at_reset: int | None = None, **corridor: Any
    ) -> None:
        super().__init__(**corridor)
        self.hang = {"python": in_python, "native": in_native_code, "locked": with_the_lock}[how]
        self.at_step, self.at_reset = at_step, at_reset
        self.steps = self.resets = 0

    def reset(self, **options: Any) -> Any:
        """As the corridor's, or never returns."""
        self.resets += 1
        if self.resets == self.at_reset:
            self.hang()
        return super().reset(**options)

    def step(self, action: int) -> Step:
        """As the corridor's, or never returns."""
        self.steps += 1
        if self.steps == self.at_step:
            self.hang()
        return super().step(action)


def in_python() -> None:
    while True:
        try:
            time.sleep(1000)
        except Exception:
            continue


def in_native_code() -> None:
    """A mutex that is locked already; signals do not end the waiting."""
    mutex = ctypes.create_string_buffer(128)
    library = ctypes.CDLL(None)
    library.pthread_mutex_init(mutex, None)
    library.pthread_mutex_lock(mutex)
    library.pthread_mutex_lock(mutex)


def with_the_lock() -> None:
    while True:
        ctypes.PyDLL(None).sleep(1000)


class DiesApart(Corridor):
    """Crashes at its first step, as native code does, where it has a process of its own."""

    def step(self, action: int) -> Step:
        """As the corridor's, or never returns."""
        if multiprocessing.parent_process() is not None:
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().step(action)
