"""The text of a file that may be anybody's, before it is read as YAML: bounded, and UTF-8."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from rlexp.errors import ConfigError

MAX_BYTES = 1 << 20


def read_text(path: Path, origin: str | None = None, limit: int = MAX_BYTES) -> str:
    """A file's text.

    Raises:
        ConfigError: it is no file, not readable, too large, or not UTF-8.
    """
    named = origin or str(path)
    try:
        # Without O_NONBLOCK to open a pipe would wait for somebody to write to it.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigError(f"{named}: it is no regular file")
            content = file.read(limit + 1)
    except OSError as error:
        raise ConfigError(f"{named}: it cannot be read: {error.strerror or error}") from error
    if len(content) > limit:
        raise ConfigError(f"{named}: it is larger than {limit:,} bytes, too large for a config")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        wrong = f"the byte 0x{content[error.start]:02x} is not UTF-8"
        raise ConfigError(f"{named}, line {line}: {wrong}", fix="save the file as UTF-8") from error
