"""Ctrl-C, SIGTERM and a closed terminal: the first asks a run to save and end, the second ends it at once.

Before training has begun there is nothing to save, so there the first one ends it. SIGHUP, which a closing
terminal sends, counts as they do; under `nohup`, which has it ignored, it stays ignored.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


class Interrupt:
    """Whether somebody has asked the run to end, and by which signal.

    Attributes:
        name: of the first signal; None until there is one.
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self._on_first: Callable[[str], None] | None = None

    def __bool__(self) -> bool:
        return self.name is not None

    @contextlib.contextmanager
    def deferred(self, on_first: Callable[[str], None]) -> Iterator[None]:
        """While inside, the first signal only sets `name` and the second raises; outside, every one raises.

        Args:
            on_first: called with the signal's name, in a thread of its own.
        """
        self._on_first = on_first
        try:
            yield
        finally:
            self._on_first = None

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The signal handler.

        Raises:
            KeyboardInterrupt: the run must end at once.
        """
        first, self.name = self.name is None, self.name or signal.Signals(number).name
        if not first or self._on_first is None:
            raise KeyboardInterrupt
        # A handler runs between any two lines of the main thread, which may be in the middle of printing; and
        # `threading` has locks of its own that the main thread may hold.
        _thread.start_new_thread(self._on_first, (self.name,))


@contextlib.contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Catches the signals while inside; outside the main thread, where that is impossible, does nothing."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    wanted = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt.handle) for number in wanted}
    _active.append(interrupt)
    try:
        yield interrupt
    finally:
        _active.remove(interrupt)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def children_keep_on() -> Iterator[None]:
    """Processes started while inside ignore a closed terminal: the run ends them, once it has saved."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(hangup, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(hangup, before)


_active: list[Interrupt] = []


def _in_child() -> None:
    """A forked child (an environment's process) must end on SIGTERM, and leave Ctrl-C to the run."""
    if not _active:
        return
    _active.clear()
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
