"""The one thread of a process that looks after its watches, and the interpreter's own timer behind it.

The timer is C and ends the process also where no Python runs any more; the thread sets it anew each time that it looks.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Protocol

_LOOK_S = 1.0
_STDERR = 2


class Watch(Protocol):
    """What is looked after.

    Attributes:
        limit_s: seconds after which it is late; None never.
        grace_s: seconds from there to the next, harder attempt to end it.
    """

    limit_s: float | None

    @property
    def grace_s(self) -> float:
        """See above."""

    def look(self, awake_s: float) -> None:
        """Called again and again, `awake_s` after the last time; while the process was stopped is not counted."""

    def raise_if_late(self) -> None:
        """Called in the main thread, by a signal."""


_active: set[Watch] = set()
_thread: threading.Thread | None = None
_lock = threading.Lock()
_stacks_to = _STDERR


def add(watch: Watch) -> None:
    """Looks after `watch` from now on."""
    _active.add(watch)
    if _thread is None:
        _start()


def discard(watch: Watch) -> None:
    """Leaves it alone."""
    _active.discard(watch)


def watches() -> list[Watch]:
    """Those that are looked after."""
    return list(_active.copy())


def end_within(seconds: float) -> None:
    """Whatever happens, the process ends within `seconds`, with exit code 1."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=_stacks_to)


@contextlib.contextmanager
def stacks_to(descriptor: int) -> Iterator[None]:
    """While inside, what the timer writes before it ends the process goes to `descriptor`."""
    global _stacks_to
    before, _stacks_to = _stacks_to, descriptor
    try:
        yield
    finally:
        _stacks_to = before
        faulthandler.cancel_dump_traceback_later()  # Set once more if anything is watched still.


def _start() -> None:
    global _thread
    with _lock:
        if _thread is None:
            _set_timer()
            _thread = threading.Thread(target=_run, name="hang watch", daemon=True)
            _thread.start()


def _run() -> None:
    global _thread
    while True:
        limits = [watch.limit_s for watch in watches() if watch.limit_s is not None]
        period = min([_LOOK_S, *(limit / 4 for limit in limits)])
        begin = time.monotonic()
        time.sleep(period)
        # A process that was stopped and goes on is not late.
        awake_s = min(time.monotonic() - begin, 2 * period)
        if not _set_timer():
            with _lock:
                faulthandler.cancel_dump_traceback_later()
                _thread = None
            break
        for watch in watches():
            watch.look(awake_s)
    if _active:
        _start()


def _set_timer() -> bool:
    """Sets the timer anew; false where nothing is watched."""
    late = [watch.limit_s + 2 * watch.grace_s for watch in watches() if watch.limit_s is not None]
    if late:
        end_within(min(late))
    return bool(late)


def let_stop() -> None:
    """Takes the timer away while Ctrl-Z has the process stopped; for the main thread, where it is nobody else's."""
    stop = getattr(signal, "SIGTSTP", None)
    if stop is not None and signal.getsignal(stop) == signal.SIG_DFL:
        signal.signal(stop, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    faulthandler.cancel_dump_traceback_later()
    os.kill(os.getpid(), signal.SIGSTOP)


def _in_child() -> None:
    """A forked child has no such thread."""
    global _thread, _lock, _stacks_to
    _active.clear()
    _thread, _lock = None, threading.Lock()
    if _stacks_to != _STDERR:
        os.close(_stacks_to)  # Its reader waits until nobody has it.
        _stacks_to = _STDERR


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
