"""One run at a time in a process: threads that want to train, evaluate or sweep take turns.

Random generators, signal handlers, Ray's session and descriptors are the whole process's: two runs at once would draw
each other's random numbers and write into each other's logs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_turn = threading.RLock()
"""Held by the thread whose run is on; that thread may evaluate within its own run."""


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Waits until no other thread of this process trains, evaluates or sweeps.

    Args:
        what: that waits, for the person.
    """
    if not _turn.acquire(blocking=False):
        from rlexp.terminal.quiet import terminal

        terminal().say(f"{what} waits: another thread of this process is training, and runs take turns")
        _turn.acquire()
    try:
        yield
    finally:
        _turn.release()
