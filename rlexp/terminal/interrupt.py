"""Signals that ask a run to end: the first lets it save and end, the second ends it at once.

Ctrl-C, SIGTERM, SIGHUP (a closed terminal), and SIGUSR1 and SIGUSR2, which batch systems send some time before a job's
limit. Before training has begun there is nothing to save, so there the first one ends it. A signal that is ignored when
the process starts (under `nohup`, say) stays ignored, and SIGUSR1 and SIGUSR2 stay the program's that handles them.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from rlexp.base.errors import EXIT_INTERRUPTED, EXIT_REQUEUE

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
_BATCH = ("SIGUSR1", "SIGUSR2")
REPEAT_S = 0.5
"""Signals that follow the first within this time repeat it: wrappers forward what the process group also gets."""


def _numbers(names: tuple[str, ...]) -> tuple[signal.Signals, ...]:
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


class Interrupted(KeyboardInterrupt):
    """A signal ended what was going on.

    Args:
        signal_name: e.g. `SIGTERM`.
    """

    def __init__(self, signal_name: str) -> None:
        super().__init__(signal_name)
        self.signal_name = signal_name


def interruption_of(error: BaseException | None) -> KeyboardInterrupt | None:
    """The interrupt that ended what was going on, None if none did.

    A signal may come while a library puts something right again (OmegaConf its flags), which then fails for want of it:
    what comes out is another exception, with the interrupt as its context.
    """
    if isinstance(error, KeyboardInterrupt):
        return error
    while error is not None and not isinstance(error, Interrupted):
        error = error.__cause__ or error.__context__
    return error


def exit_code_of(signal_name: str | None) -> int:
    """What a command that the signal ended exits with: a batch system's warning has a code of its own."""
    return EXIT_REQUEUE if signal_name in _BATCH else EXIT_INTERRUPTED


class Interrupt:
    """Whether somebody has asked the run to end, and by which signal.

    Attributes:
        name: of the first signal; None until there is one.
        caught: the signals that it catches.
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self._first_at = 0.0
        self.caught: list[int] = []
        self._on_first: Callable[[str], None] | None = None
        self._on_repeat: Callable[[str], None] | None = None

    def __bool__(self) -> bool:
        return self.name is not None

    @contextlib.contextmanager
    def deferred(self, on_first: Callable[[str], None] | None = None) -> Iterator[None]:
        """While inside, the first signal only sets `name` and the second raises; outside, every one raises.

        Args:
            on_first: called with the signal's name, in a thread of its own.
        """
        self._on_first = on_first or _say_nothing
        try:
            yield
        finally:
            self._on_first = None

    @contextlib.contextmanager
    def insisting(self, on_repeat: Callable[[str], None]) -> Iterator[None]:
        """While inside, a signal after the first does more than raise: what runs may catch every exception.

        Args:
            on_repeat: called with the first signal's name, in a thread of its own.
        """
        before, self._on_repeat = self._on_repeat, on_repeat
        try:
            yield
        finally:
            self._on_repeat = before

    def rearm(self) -> None:
        """Takes the signals again that an environment or a library has taken for itself since."""
        if self in _active:
            for number in self.caught:
                if signal.getsignal(number) != self.handle:
                    signal.signal(number, self.handle)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The signal handler.

        Raises:
            Interrupted: the run must end at once.
        """
        first, name = self.name is None, signal.Signals(number).name
        if not first and time.monotonic() - self._first_at < REPEAT_S:
            return
        if first:
            self.name, self._first_at = name, time.monotonic()
        if not first and self._on_repeat is not None:
            _thread.start_new_thread(self._on_repeat, (self.name or name,))
        if not first or self._on_first is None:
            raise Interrupted(self.name or name)
        # A handler runs between any two lines of the main thread, which may be in the middle of printing; and
        # `threading` has locks of its own that the main thread may hold.
        _thread.start_new_thread(self._on_first, (name,))


def _say_nothing(_name: str) -> None:
    pass


@contextlib.contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Catches the signals while inside; outside the main thread, where that is impossible, does nothing."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.signal(number, interrupt.handle) for number in _to_catch()}
    interrupt.caught = list(before)
    _active.append(interrupt)
    try:
        yield interrupt
    finally:
        _active.remove(interrupt)
        for number, handler in before.items():
            signal.signal(number, handler)


def _to_catch() -> list[signal.Signals]:
    ending = [number for number in _numbers(_ENDING) if signal.getsignal(number) != signal.SIG_IGN]
    return ending + [number for number in _numbers(_BATCH) if _is_free(number)]


def _is_free(number: signal.Signals) -> bool:
    """Nobody but this module handles the signal."""
    handler = signal.getsignal(number)
    return handler == signal.SIG_DFL or isinstance(getattr(handler, "__self__", None), Interrupt)


@contextlib.contextmanager
def children_keep_on() -> Iterator[None]:
    """Processes started while inside do not hear a closed terminal or a batch system: the run ends them, once saved.

    They inherit that these signals are blocked. What comes here meanwhile is heard afterwards.
    """
    numbers = _numbers(("SIGHUP", *_BATCH))
    if not numbers or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_active: list[Interrupt] = []


def _in_child() -> None:
    """A forked child (an environment's process) must end on SIGTERM, and leave the other signals to the run."""
    if not _active:
        return
    _active.clear()
    for number in _numbers((*_ENDING, *_BATCH)):
        if number == signal.SIGTERM or signal.getsignal(number) != signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
