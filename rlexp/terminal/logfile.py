"""A run's `log.txt`: stamped lines from Python's streams, `logging` and `warnings`."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from rlexp.base.files.links import open_to_append
from rlexp.terminal.own_threads import OwnThreads

_NOISE = re.compile(
    r"You are running \w+ on the new API stack!"
    # RLlib's own modules are built in the way that RLlib calls deprecated.
    r"|`RLModule\(config=\[RLModuleConfig object\]\)` has been deprecated"
    # RLlib registers its environment anew for each runner.
    r"|Overriding environment rllib-(?:single|multi)-agent-env-v0 already in registry"
)
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def is_noise(text: str) -> bool:
    """Whether a line is one of those of every run."""
    return _NOISE.search(text) is not None


def without_colour(text: str) -> str:
    """The text without the codes that colour it on a terminal."""
    return _COLOUR.sub("", text) if "\x1b" in text else text


_STAMPED = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")
_STAMP = "%Y-%m-%d %H:%M:%S"
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# RLlib and Ray set levels of their own on these, which the root's level does not reach.
_OWN_LEVELS = ("ray", "ray.rllib", "ray.tune", "ray.data", "ray.train")


class LogFile:
    """A file that several writers append complete lines to, this process's children among them."""

    def __init__(self, path: Path) -> None:
        """Open `path` for appending, making its folder.

        Raises:
            OSError: it cannot be opened.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        # O_APPEND puts every write at the end, whoever writes; a plain offset would let children overwrite
        # us.
        self._descriptor: int | None = open_to_append(path)
        # Re-entrant: a signal handler may have something to say while a line is being written.
        self._lock = threading.RLock()

    def __enter__(self) -> LogFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
            self._descriptor = None

    def fileno(self) -> int:
        """The open descriptor, to redirect others to."""
        if self._descriptor is None:
            raise ValueError(f"{self.path} is closed")
        return self._descriptor

    def lines(self, text: str) -> None:
        """Append `text`, each line stamped unless it has a stamp already. Never raises: a full disk fails the
        run where its results are written, not where a library chats."""
        stamp = time.strftime(_STAMP + " ")
        lines = [line for line in without_colour(text).splitlines() if line.strip() and not is_noise(line)]
        complete = "".join((line if _STAMPED.match(line) else stamp + line) + "\n" for line in lines)
        with self._lock, contextlib.suppress(OSError):
            if self._descriptor is not None and complete:
                os.write(self._descriptor, complete.encode("utf-8", "replace"))


class LogStream(io.TextIOBase):
    """A text stream whose lines go to a log; after `detach_log`, to what stands in its place by then.

    Libraries keep the `sys.stderr` that they met (logging handlers do), so it must outlive the log; a second
    run in this process has another one, which they should reach.

    Args:
        log: the log.
        before: the stream that it stands in for.
        name: which one of `sys` that is.
        own: the threads whose lines go to the log; None for all.
        others: where the lines of other threads go; None for `before`.
    """

    def __init__(
        self,
        log: LogFile,
        before: IO[str] | None,
        name: str = "stderr",
        own: OwnThreads | None = None,
        others: IO[str] | None = None,
    ) -> None:
        self._log: LogFile | None = log
        self._original, self._name = before, name
        self._own, self._others = own, others if others is not None else before
        self._rest = ""
        self._lock = threading.RLock()

    @property
    def _before(self) -> IO[str] | None:
        """The stream of that name now, for when there is no log any more; never one that has lost its log, too."""
        stream = getattr(sys, self._name)
        seen: list[object] = [self]
        if stream is self:
            stream = self._original
        while isinstance(stream, LogStream) and stream._log is None:
            stream = None if stream in seen else stream._original
            seen.append(stream)
        return stream

    @property
    def _foreign(self) -> bool:
        return self._own is not None and not self._own.here

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Text is written as UTF-8."""
        return "utf-8"

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Never, so that nobody draws progress bars into the log."""
        return False

    def fileno(self) -> int:
        """The log's descriptor; faulthandler and subprocesses write there."""
        if self._log is not None and not self._foreign:
            return self._log.fileno()
        stream = self._before if self._log is None else self._others
        if stream is None:
            raise io.UnsupportedOperation("no descriptor")
        return stream.fileno()

    @property
    def buffer(self) -> _Bytes:
        """What takes bytes, for libraries that write them."""
        return _Bytes(self)

    def write(self, text: str, /) -> int:
        """Keep `text` until its line is complete; a carriage return ends a line too."""
        if self._log is not None and self._foreign:
            return self._others.write(text) if self._others is not None else len(text)
        with self._lock:
            if self._log is None:
                before = self._before
                return before.write(text) if before is not None else len(text)
            *complete, self._rest = re.split(r"[\r\n]", self._rest + text)
            if complete:
                self._log.lines("\n".join(complete))
        return len(text)

    def flush(self) -> None:
        """Lines are written when they are complete, so there is nothing to do before the log is detached."""
        stream = self._before if self._log is None else self._others if self._foreign else None
        if stream is not None:
            stream.flush()

    def detach_log(self) -> None:
        """Write the unfinished line and hand later writes to the stream that was there before."""
        with self._lock:
            if self._log is not None and self._rest:
                self._log.lines(self._rest)
            self._log, self._rest = None, ""


class _Bytes:
    """The binary side of a `LogStream`."""

    def __init__(self, stream: LogStream) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        self._stream.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        self._stream.flush()


class _Handler(logging.Handler):
    """Formats records of a run's own threads into a log file, and hands on those of other threads."""

    def __init__(self, log: LogFile, own: OwnThreads, least: int, others: list[logging.Handler]) -> None:
        super().__init__()
        self._log, self._own, self._least, self._others = log, own, least, others
        self.setFormatter(logging.Formatter(_FORMAT, _STAMP))

    def emit(self, record: logging.LogRecord) -> None:
        if not self._own.here:
            for handler in self._others:
                if record.levelno >= handler.level:
                    handler.handle(record)
            return
        if record.levelno < self._least:
            return
        try:
            self._log.lines(self.format(record))
        except Exception:  # A message that cannot be formatted must not end the run.
            self.handleError(record)


@contextlib.contextmanager
def logging_to(log: LogFile, level: str, own: OwnThreads) -> Iterator[None]:
    """Python's `logging` (from `level` up) and `warnings` of the threads `own` into `log`; the former handlers
    come back afterwards.

    Raises:
        ValueError: `level` is no name of a logging level.
    """
    least = logging.getLevelName(level.upper())
    if not isinstance(least, int):
        raise ValueError(f"{level!r} is no logging level; write DEBUG, INFO, WARNING, ERROR or CRITICAL")
    loggers = [logging.getLogger(), *(logging.getLogger(name) for name in _OWN_LEVELS)]
    levels = [logger.level for logger in loggers]
    root, handlers, show = loggers[0], list(loggers[0].handlers), warnings.showwarning
    lower = root.level if logging.NOTSET < root.level < least else least
    root.handlers[:] = [_Handler(log, own, least if lower < least else logging.NOTSET, handlers)]
    for logger in loggers:
        logger.setLevel(least)
    root.setLevel(lower)  # Other threads' records are not to be lost.
    warnings.showwarning = _own_warnings(own, show)
    try:
        yield
    finally:
        warnings.showwarning = show
        root.handlers[:] = handlers
        for logger, old in zip(loggers, levels, strict=True):
            logger.setLevel(old)


def _own_warnings(own: OwnThreads, others: Callable[..., None]) -> Callable[..., None]:
    """Puts warnings of a run's own threads into the log; those of other threads go the former way."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: Any = None,
        line: str | None = None,
    ) -> None:
        if not own.here:
            others(message, category, filename, lineno, file, line)
            return
        logging.getLogger("py.warnings").warning(f"{filename}:{lineno}: {category.__name__}: {message}")

    return show
