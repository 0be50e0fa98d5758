"""Ctrl-C and SIGTERM: the first asks the run to save and end, the second ends it at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


class Interrupt:
    """Whether somebody has asked the run to end, and by which signal."""

    def __init__(self, on_first: Callable[[str], None]) -> None:
        self._on_first = on_first
        self.name: str | None = None

    def __bool__(self) -> bool:
        return self.name is not None

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        if self.name is not None:
            raise KeyboardInterrupt
        self.name = signal.Signals(number).name
        self._on_first(self.name)


@contextlib.contextmanager
def interruptible(on_first: Callable[[str], None]) -> Iterator[Interrupt]:
    """Catches SIGINT and SIGTERM while inside; outside the main thread, where that is impossible, does nothing.

    Args:
        on_first: called with the signal's name when it first arrives.
    """
    interrupt = Interrupt(on_first)
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.signal(number, interrupt.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
