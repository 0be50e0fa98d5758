"""Environments that never come back from a step or a reset: noticed, reported with all stacks, and ended.

A thread (`watch_thread`) looks once a second whether a step was made since. What is late is ended by
what can still end it:

1. environments in processes of their own: those processes, so that the env runner makes them anew;
2. a remote env runner: its process, so that Ray starts another in its place (RLlib by itself asks the same
   runner again, for ever);
3. in the process that trains: `HungError` is raised in the thread that steps, so that the run ends in order. A
   signal breaks a system call that waits, in the main thread; in another thread Python code must still run;
4. if that does not help, `last_words` are said and the process ends with exit code 1 (from another thread than
   the main one it is let be: the rest of the program lives);
5. native code that keeps the interpreter's lock stops this watch too: then the interpreter's own timer, which is C,
   writes the stacks and ends the process with exit code 1.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import functools
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, TypeVar, cast

from rlexp.base.errors import EXIT_FAILED
from rlexp.environment.env_errors import FatalEnvError
from rlexp.environment.hangs import interrupt_sampling, watch_thread
from rlexp.environment.hangs.lost_process import end_hanging

_GRACE_S = 10.0
"""How long an error that was raised has to end the sampling, at most; no longer than the limit itself."""
_LAST_WORDS_S = 60.0
_SIGNAL = interrupt_sampling.SIGNAL
"""Ignored where nobody handles it, so that one that comes too late does no harm."""
_STDERR = 2
_log = logging.getLogger(__name__)
_Method = TypeVar("_Method", bound=Callable[..., Any])


class HungError(FatalEnvError):
    """An environment did not come back from a step or a reset."""


class Hang(BaseException):
    """Raised where an environment hangs; no error, lest the environment or its guard catches it."""


class HangWatch:
    """A context around sampling, in which `beat` must be called at least every `limit_s`.

    May be entered again by what it surrounds. Costs a microsecond to enter and less for each beat.

    Args:
        limit_s: seconds; None never ends anything.
        trains: whether this is the process that trains, not that of a remote env runner.
        vector: the vector environment at the moment.

    Raises:
        HungError: (on leaving) the environments hung.
    """

    def __init__(self, limit_s: float | None, *, trains: bool, vector: Callable[[], Any]) -> None:
        self.limit_s = limit_s
        self._trains, self._vector = trains, vector
        self._depth = self._thread = 0
        self._beat_at: float | None = None
        self._seen: float | None = None
        self._waited, self._told, self._where = 0.0, False, ""
        self._raising_for: float | None = None

    def __enter__(self) -> HangWatch:
        self._depth += 1
        if self.limit_s is not None and self._depth == 1:
            self._thread = threading.get_ident()
            if not _signal_is_ours:
                take_signal()
            self.beat(time.perf_counter())
            watch_thread.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth:
            return
        self._beat_at = None
        watch_thread.discard(self)
        if self._raising_for is not None:
            _raise_in(self._thread, None)  # It may still be on its way.
            self._raising_for = None
        if isinstance(error, Hang):
            raise self._error("".join(traceback.format_exception(error))) from error

    def beat(self, now: float) -> None:
        """A step is about to be made; `now` by `time.perf_counter()`."""
        self._beat_at = now

    def _error(self, trace: str) -> HungError:
        hung = HungError(self._message())
        hung.trace = trace
        return hung

    def _message(self) -> str:
        return (
            f"the environments have made no step for {self.limit_s:g} s: they hang in {self._where or 'native code'}; "
            "log.txt has the stacks of all threads (hardware.sample_timeout_s allows more seconds, null any time)"
        )

    @property
    def grace_s(self) -> float:
        """Seconds between one attempt to end the hang and the next, harder one."""
        return min(_GRACE_S, self.limit_s or _GRACE_S)

    def look(self, awake_s: float) -> None:
        """Called by the watching thread every `awake_s`; time in which the process was stopped is not counted."""
        beat = self._beat_at
        if beat is None or beat != self._seen:
            self._seen, self._waited, self._told = beat, 0.0, False
            return
        self._waited = 0.0 if _at_a_breakpoint(self._thread) else self._waited + awake_s
        limit_s = self.limit_s or 0.0
        if self._waited >= limit_s + self.grace_s:
            self._give_up()
        elif self._waited >= limit_s:
            self._end_it(beat)

    def _end_it(self, beat: float) -> None:
        if not self._told:
            self._told = True
            self._where = _innermost(self._thread)
            _log.error("%s", self._message())
            faulthandler.dump_traceback(file=_STDERR, all_threads=True)
            if end_hanging(self._vector(), self.limit_s or 0.0):
                self._seen = None  # From here the limit runs anew.
                return
            if not self._trains:
                os._exit(EXIT_FAILED)
        self._raising_for = beat
        if self._thread == threading.main_thread().ident and _SIGNAL is not None:
            signal.pthread_kill(self._thread, _SIGNAL)
        else:
            _raise_in(self._thread, Hang)

    def raise_if_late(self) -> None:
        """Called in the main thread, by the signal."""
        if self._raising_for is not None and self._raising_for == self._beat_at:
            raise Hang(f"no step for {self.limit_s:g} s")

    def _give_up(self) -> None:
        if self._thread != threading.main_thread().ident:
            if self._told:
                _log.error("the thread that hangs cannot be ended; only the end of the process does")
            self._told = False
            return
        watch_thread.end_within(_LAST_WORDS_S)
        frame = sys._current_frames().get(self._thread)
        hung = self._error("".join(traceback.format_stack(frame)))
        for say in list(_last_words):
            with contextlib.suppress(Exception):
                say(hung)
        os._exit(EXIT_FAILED)


def watched(method: _Method) -> _Method:
    """A method of an object that has a `HangWatch` as its `_watch`, inside of it."""

    @functools.wraps(method)
    def inside(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self._watch:
            return method(self, *args, **kwargs)

    return cast(_Method, inside)


_last_words: list[Callable[[HungError], None]] = []


@contextlib.contextmanager
def last_words(say: Callable[[HungError], None]) -> Iterator[None]:
    """While inside, `say` is called with the error before a hang ends this process; it has a minute.

    It is called in another thread than the one that hangs.
    """
    _last_words.append(say)
    try:
        yield
    finally:
        _last_words.remove(say)


_signal_is_ours = False


def take_signal() -> None:
    """Has the signal handled here; only the main thread can, and only its system calls are broken by it."""
    global _signal_is_ours
    if _SIGNAL is None or threading.current_thread() is not threading.main_thread():
        return
    signal.signal(_SIGNAL, _on_signal)
    watch_thread.let_stop()
    _signal_is_ours = True


def _on_signal(number: int, frame: FrameType | None) -> None:
    interrupt_sampling.raise_if_requested()
    for watch in watch_thread.watches():
        watch.raise_if_late()


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Raises `error` in `thread` as soon as that runs Python; None takes back what has not come yet."""
    what = ctypes.py_object(error) if error is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), what)


def _innermost(thread: int) -> str:
    frame = sys._current_frames().get(thread)
    if frame is None:
        return ""
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}, in {frame.f_code.co_name}"


def _at_a_breakpoint(thread: int) -> bool:
    """True if a debugger has the thread: a person may look for as long as they like."""
    frame = sys._current_frames().get(thread)
    while frame is not None:
        if str(frame.f_globals.get("__name__")).lstrip("_").startswith(("pdb", "bdb", "pydevd")):
            return True
        frame = frame.f_back
    return False


def _in_child() -> None:
    """On the signal, a forked child writes its stacks (`end_hanging` asks for them)."""
    _last_words.clear()
    if _SIGNAL is not None:
        faulthandler.register(_SIGNAL, file=_STDERR, all_threads=True)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
