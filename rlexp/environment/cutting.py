"""Ends sampling within a second once the run was asked to end, however long a fragment, an episode or a step is.

A signal only asks (`rlexp.terminal.interrupt`). An iteration that ends by itself within `GRACE_S` is left alone. After
that, `check` raises `SamplingCut` before the next environment step; and a step that takes longer, or the wait for a
remote env runner, is broken by a signal of the operating system, in the main thread, inside `breakable` code only.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

GRACE_S = 0.5
"""Seconds that an iteration has to end by itself."""
INSIST_S = 0.25
"""Seconds from there that one environment step, or one wait, has to end by itself."""
SIGNAL = getattr(signal, "SIGURG", None)
"""Breaks system calls that wait; ignored where nobody handles it. Shared with `rlexp.environment.hang`."""


class SamplingCut(KeyboardInterrupt):
    """Sampling was ended because the run is to end; no error, lest an environment or its guard catches it.

    Ray lets no other exception than `KeyboardInterrupt` out of its waits, and makes a plain one of it.
    """


class _Run:
    """One run's request to end.

    Attributes:
        requested: sampling must end.
        happened: it was ended before it was complete, so remote env runners may still be at it.
        depth: how many `breakable` blocks the main thread is in.
        broke: the signal has raised once; what follows is the run's orderly end, which nothing may break.
    """

    def __init__(self) -> None:
        self.requested = self.happened = self.broke = False
        self.depth = 0
        self.over = threading.Event()


_run: _Run | None = None


@contextlib.contextmanager
def cuttable() -> Iterator[None]:
    """While inside, a run trains in this process whose sampling `request` can end."""
    global _run
    before, _run = _run, _Run()
    mine = _run
    try:
        yield
    finally:
        mine.over.set()
        _run = before


def request() -> None:
    """Ends sampling after a moment of grace; returns once the run is over, so it needs a thread of its own."""
    run = _run
    if run is None or run.over.wait(GRACE_S):
        return
    run.requested = True
    while not run.over.wait(INSIST_S):
        if run.depth and not run.broke and SIGNAL is not None:
            signal.pthread_kill(threading.main_thread().ident or 0, SIGNAL)


def requested() -> bool:
    """True once sampling must end."""
    return _run is not None and _run.requested


def happened() -> bool:
    """True once sampling was ended before it was complete."""
    return _run is not None and _run.happened


def check() -> None:
    """Raises where sampling must end; costs nothing, for before every environment step.

    Raises:
        SamplingCut: the run is to end.
    """
    if _run is not None and _run.requested:
        _run.happened = True
        raise SamplingCut


@contextlib.contextmanager
def breakable() -> Iterator[None]:
    """While inside, the main thread may be broken off at any place by `SamplingCut`."""
    run = _run
    if run is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    run.depth += 1
    broke_before = run.broke
    try:
        yield
    except KeyboardInterrupt as interrupted:
        if not run.broke or broke_before or type(interrupted) is not KeyboardInterrupt:
            raise
        raise SamplingCut from None  # It went through one of Ray's waits.
    finally:
        run.depth -= 1


def raise_if_requested() -> None:
    """Called in the main thread by `SIGNAL`.

    Raises:
        SamplingCut: sampling must end, and the main thread is where it may be broken off.
    """
    run = _run
    if run is not None and run.requested and run.depth and not run.broke:
        run.broke = run.happened = True
        raise SamplingCut
