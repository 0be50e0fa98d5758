"""Which threads belong to a run: the one that it trains in, and those that were started from there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

_owners: list[OwnThreads] = []
_start = threading.Thread.start


class OwnThreads:
    """The current thread, and what it and its like start while `followed`.

    A thread that Python did not start (C code's, which calls back) cannot be told apart; it counts as the run's.
    """

    def __init__(self) -> None:
        self._threads: WeakSet[threading.Thread] = WeakSet([threading.current_thread()])

    @property
    def here(self) -> bool:
        """Whether the current thread is one of them."""
        thread = threading.current_thread()
        return thread in self._threads or isinstance(thread, threading._DummyThread)

    def add(self, thread: threading.Thread) -> None:
        """One more."""
        self._threads.add(thread)


@contextmanager
def followed() -> Iterator[OwnThreads]:
    """Meanwhile each thread that one of a run's threads starts is the run's, too."""
    own = OwnThreads()
    _owners.append(own)
    if threading.Thread.start is _start:
        threading.Thread.start = _started  # type: ignore[assignment, method-assign]
    try:
        yield own
    finally:
        _owners.remove(own)
        # Where somebody has put a function of theirs around ours, ours stays, and does nothing.
        if not _owners and threading.Thread.start is _started:
            threading.Thread.start = _start  # type: ignore[method-assign]


def _started(thread: threading.Thread, *given: Any) -> None:
    for own in tuple(_owners):
        if own.here:
            own.add(thread)
    _start(thread, *given)
