"""Records on disk that may be damaged, or be something else than a file: read in bounded time, or refused in a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlexp.checkpoint.ownership import open_plain, read_small
from rlexp.errors import ConfigError

LARGEST = 1 << 26  # bytes of a record that is read at once
LONGEST_LINE = 1 << 24  # bytes


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        ConfigError: it cannot be read, or holds something else; in one line.
    """
    try:
        found = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read: it is no JSON ({_first_line(error)})") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path} does not hold a JSON object")
    return found


def read_text(path: Path) -> str:
    """The UTF-8 text in a file.

    Raises:
        ConfigError: it cannot be read, or is none; in one line.
    """
    try:
        return read_small(path, LARGEST).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} cannot be read: byte {error.start} is not UTF-8 text") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def rows(path: Path) -> Iterator[dict[str, Any] | None]:
    """The JSON object of each line of a file, None for a line that has none (the last one may be half a line).

    A file that is not there has no lines.

    Raises:
        ConfigError: it cannot be read, in one line.
    """
    try:
        with open_plain(path) as file:
            while line := file.readline(LONGEST_LINE):
                yield row(line)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unreadable(path, error) from error


def row(line: bytes | str) -> dict[str, Any] | None:
    """The JSON object in a line; None where there is none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _unreadable(path: Path, error: OSError) -> ConfigError:
    reason = error.strerror.lower() if error.strerror else "it is no plain file, or too large"
    return ConfigError(f"{path} cannot be read: {reason}")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
