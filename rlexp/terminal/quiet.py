"""A quiet terminal: while a run is on, the terminal is ours and everything else goes to `log.txt`.

Goes to the log: Python's `logging` and `warnings`, `print` in environments and callbacks, and whatever any
library or child process writes to file descriptors 1 and 2. Lines written through Python get a time stamp;
what comes from below Python (C libraries, child processes) is appended as it is, because stamping it would
need a pipe and a thread, and a library that fills a pipe while it holds the interpreter's lock stops the
program for ever.

A callback that has something to say to the person says it with `rlexp.terminal.quiet.terminal().say(...)`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from rlexp.terminal.logfile import LogFile, LogStream, logging_to
from rlexp.terminal.messages import Terminal
from rlexp.terminal.own_threads import OwnThreads, followed

if TYPE_CHECKING:
    from rich.console import Console

_active: list[tuple[OwnThreads, Terminal]] = []


def terminal() -> Terminal:
    """The terminal of the innermost `quiet` of this thread's, or one on plain stdout and stderr where there is none."""
    innermost = next((terminal for own_threads, terminal in reversed(_active) if own_threads.here), None)
    return innermost or Terminal(sys.stdout, sys.stderr)


def note(logger: logging.Logger, text: str) -> None:
    """A line for those who look it up: in this thread's run's log whatever `log_level` says; else to `logger`, INFO."""
    if (here := terminal()).has_log:
        here.note(text)
    else:
        logger.info("%s", text)


def console() -> Console:
    """The rich console to draw on: the one that survives the redirection while a `quiet` is active."""
    return terminal().console


@contextlib.contextmanager
def quiet(log_path: Path, level: str = "WARNING") -> Iterator[Terminal]:
    """Send everything but the yielded terminal's own messages to `log_path` (appended to).

    May be nested: the inner one writes to its own log and to the same terminal. Everything is as it was on
    leaving, whatever happened inside. Streams that are not the process's own (a notebook's, a test's capture,
    a `StringIO`) stay the terminal; where descriptors 1 and 2 cannot be duplicated, only Python's streams are
    redirected. What other threads of the program print and log, those that neither are this one nor were started by
    it meanwhile, goes where it went before; outside the main thread descriptors 1 and 2 are the program's and stay.

    Args:
        log_path: the file; its folder is made.
        level: the least `logging` level that reaches the log.

    Raises:
        OSError: the log cannot be opened; nothing has been redirected then.
        ValueError: `level` is no name of a logging level.
    """
    with LogFile(log_path) as log, followed() as own_threads, contextlib.ExitStack() as undo:
        former = list(logging.getLogger().handlers)
        undo.enter_context(logging_to(log, level, own_threads))
        # Before the streams change: a terminal on descriptors 1 and 2 moves to duplicates of them.
        if _active:
            real = _active[-1][1].on_log(log)
        else:
            out = undo.enter_context(_on_duplicate(sys.stdout, 1))
            err = undo.enter_context(_on_duplicate(sys.stderr, 2))
            real = Terminal(out, err, log)
            undo.enter_context(_handlers_on(former, {sys.stdout: out, sys.stderr: err}))
        if threading.current_thread() is threading.main_thread():
            undo.enter_context(_descriptors_to(log))
        # Of a run within a run the outer one's streams know where another thread's words go.
        others = (sys.stdout, sys.stderr) if _active else real.streams
        undo.enter_context(_streams_to(log, own_threads, others))
        _active.append((own_threads, real))
        try:
            yield real
        finally:
            real.close()
            _active.remove((own_threads, real))


@contextlib.contextmanager
def _on_duplicate(stream: IO[str] | None, descriptor: int) -> Iterator[IO[str]]:
    """`stream` on a duplicate of its descriptor, so that redirecting the descriptor leaves it be."""
    if stream is None:
        with Path(os.devnull).open("w") as nowhere:
            yield nowhere
        return
    try:
        stream.flush()
        duplicate = os.dup(descriptor) if stream.fileno() == descriptor else None
    except (OSError, ValueError, AttributeError):
        duplicate = None
    if duplicate is None:
        yield stream
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    with os.fdopen(duplicate, "w", buffering=1, encoding=encoding, errors="replace") as copy:
        yield copy


@contextlib.contextmanager
def _descriptors_to(log: LogFile) -> Iterator[None]:
    """File descriptors 1 and 2 on the log, for this process and for those that it starts."""
    saved: list[tuple[int, int]] = []
    try:
        for descriptor in (1, 2):
            with contextlib.suppress(OSError):
                copy = os.dup(descriptor)
                saved.append((descriptor, copy))
                os.dup2(log.fileno(), descriptor)
        yield
    finally:
        # What C's own buffers still hold belongs to the log.
        _flush_c()
        for descriptor, copy in saved:
            os.dup2(copy, descriptor)
            os.close(copy)


@contextlib.contextmanager
def _handlers_on(
    handlers: Sequence[logging.Handler], duplicates: Mapping[IO[str], IO[str]]
) -> Iterator[None]:
    """Handlers that write to a stream of the process write to what it is kept on: other threads' records go there."""
    moved: list[tuple[logging.StreamHandler[IO[str]], IO[str]]] = []
    for handler in handlers:
        if type(handler) is logging.StreamHandler and handler.stream in duplicates:
            moved.append((handler, handler.stream))
            handler.setStream(duplicates[handler.stream])
    try:
        yield
    finally:
        for handler, stream in moved:
            handler.setStream(stream)


@contextlib.contextmanager
def _streams_to(log: LogFile, own_threads: OwnThreads, others: tuple[IO[str], IO[str]]) -> Iterator[None]:
    """Puts stdout and stderr of `own_threads` on the log, in stamped lines, and those of other threads on `others`."""
    before = sys.stdout, sys.stderr
    streams = (
        LogStream(log, before[0], "stdout", own_threads, others[0]),
        LogStream(log, before[1], "stderr", own_threads, others[1]),
    )
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        for stream in streams:
            stream.detach_log()
        main = threading.current_thread() is threading.main_thread()
        # Beside the main thread what somebody has put in place of ours is the program's.
        sys.stdout = before[0] if main or sys.stdout is streams[0] else sys.stdout
        sys.stderr = before[1] if main or sys.stderr is streams[1] else sys.stderr


def _flush_c() -> None:
    with contextlib.suppress(Exception):
        import ctypes

        ctypes.CDLL(None).fflush(None)
