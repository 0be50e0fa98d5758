"""Ends sampling and learning within a second once the run was asked to end, however long a fragment or a step is.

A signal only asks (`rlexp.terminal.interrupt`). An iteration that ends by itself within `GRACE_S` is left alone. After
that, `check` raises `SamplingCut` before the next environment step; and a step that takes longer, or the wait for a
remote env runner, is broken by a signal of the operating system, in the main thread, inside `breakable` code only.
Learners are never broken in the middle of a minibatch: they ask `requested` after each one.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

GRACE_S = 0.5
"""Seconds that an iteration has to end by itself."""
INSIST_S = 0.25
"""Seconds from there that one environment step, or one wait, has to end by itself."""
AGAIN_S = 1.0
"""Seconds until it is broken once more: an environment that catches the first may hang on."""
SIGNAL = getattr(signal, "SIGURG", None)
"""Breaks system calls that wait; ignored where nobody handles it. Shared with `rlexp.environment.hangs.hang_watch`."""


class SamplingCut(KeyboardInterrupt):
    """Sampling was ended because the run is to end; no error, lest an environment or its guard catches it.

    Ray lets no other exception than `KeyboardInterrupt` out of its waits, and makes a plain one of it.
    """


class UpdatesCut(SamplingCut):
    """The rest of a training step's updates is left out; what was sampled and what was learnt before counts."""


class _Run:
    """One run's request to end.

    Attributes:
        requested: sampling must end.
        happened: it was ended before it was complete, so remote env runners may still be at it.
        depth: how many `breakable` blocks the main thread is in.
        broke: the signal has raised.
        left: it has, and the main thread is out of all blocks: what follows is the run's orderly end, which nothing
            may break.
        calls: functions to call on a request.
    """

    def __init__(self) -> None:
        self.requested = self.happened = self.broke = self.left = False
        self.depth = 0
        self.over = threading.Event()
        self.calls: list[Callable[[], None]] = []


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


def request(grace_s: float | None = None) -> None:
    """Ends sampling after a moment of grace; returns once the run is over, so it needs a thread of its own.

    Args:
        grace_s: seconds of grace; None means `GRACE_S`.
    """
    run = _run
    if run is None or run.over.wait(GRACE_S if grace_s is None else grace_s):
        return
    run.requested = True
    for call in list(run.calls):
        with contextlib.suppress(Exception):
            call()
    while not run.over.wait(AGAIN_S if run.broke else INSIST_S):
        if run.depth and not run.left and SIGNAL is not None:
            signal.pthread_kill(threading.main_thread().ident or 0, SIGNAL)


def requested() -> bool:
    """True once sampling and learning must end."""
    return _run is not None and _run.requested


def tell_of_request(call: Callable[[], None]) -> None:
    """Has `call` called, in another thread, once the run must end; once, however often it is given."""
    if _run is not None and call not in _run.calls:
        _run.calls.append(call)


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
        run.left = run.left or (run.broke and not run.depth)


def raise_if_requested() -> None:
    """Called in the main thread by `SIGNAL`.

    Raises:
        SamplingCut: sampling must end, and the main thread is where it may be broken off.
    """
    run = _run
    if run is not None and run.requested and run.depth and not run.left:
        run.broke = run.happened = True
        raise SamplingCut
