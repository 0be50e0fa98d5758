"""The text of a file that may be anybody's, before it is read as YAML: bounded, and UTF-8."""

from __future__ import annotations

from pathlib import Path

from rlexp.base.errors import ConfigError
from rlexp.base.files.ownership import open_plain

MAX_BYTES = 1 << 20


def read_text(path: Path, origin: str | None = None, limit: int = MAX_BYTES) -> str:
    """A file's text.

    Raises:
        ConfigError: it is no file, not readable, too large, or not UTF-8.
    """
    named = origin or str(path)
    try:
        with open_plain(path) as file:
            content = file.read(limit + 1)
    except OSError as error:
        why = f"it cannot be read: {error.strerror}" if error.strerror else "it is no regular file"
        raise ConfigError(f"{named}: {why}") from error
    if len(content) > limit:
        raise ConfigError(f"{named}: it is larger than {limit:,} bytes, too large for a config")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        wrong = f"the byte 0x{content[error.start]:02x} is not UTF-8"
        raise ConfigError(f"{named}, line {line}: {wrong}", fix="save the file as UTF-8") from error
