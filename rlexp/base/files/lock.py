"""One process at a time in a run's folder."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from rlexp.base.errors import ConfigError
from rlexp.base.files.atomic import to_json, write_text
from rlexp.base.files.json_records import parse
from rlexp.base.files.links import refuse_link
from rlexp.base.files.ownership import read_small

_LOCK, _HOLDER = ".lock", ".lock.json"
FILES = (_LOCK, _HOLDER)
"""What locking leaves in a folder."""
ROOM = 1 << 16
"""Bytes that the holder's file takes beyond its text, for the last records on a disk that is full by then."""


class InUseError(ConfigError):
    """Another process holds the folder."""


def hold(path: Path) -> FileLock:
    """Lock the folder `path` for this process, at once or not at all.

    Raises:
        InUseError: another process holds it; the message says which, and what to do.
        OSError: the folder cannot be written to.
    """
    # The system drops the lock with the process that holds it, so a dead holder blocks nobody.
    refuse_link(path / _LOCK)
    held = FileLock(path / _LOCK, thread_local=False)
    try:
        held.acquire(timeout=0)
    except Timeout:
        raise InUseError(
            f"another process is using {path}{_holder(path)}",
            key="name",
            fix="name=<another name>   (or wait for that run to end, or stop it)",
        ) from None
    try:
        for left_over in path.glob(".*.tmp"):
            left_over.unlink()
        since = datetime.now(UTC).isoformat(timespec="seconds")
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        write_text(path / _HOLDER, to_json(holder) + " " * ROOM)
    except BaseException:
        held.release()
        raise
    return held


def free_room(path: Path) -> None:
    """Gives back the bytes that were kept for the last records in the folder `path`, which is held; harmless twice."""
    with suppress(OSError):
        file = path / _HOLDER
        os.truncate(file, len(read_small(file, 2 * ROOM).rstrip()))


def release(path: Path, held: FileLock) -> None:
    """Let others lock the folder `path`; does nothing if it is not locked any more."""
    if held.is_locked:
        with suppress(OSError):
            (path / _HOLDER).unlink()
        held.release()


def _holder(path: Path) -> str:
    try:
        holder = parse(read_small(path / _HOLDER, 2 * ROOM))
        return f": pid {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
