"""Records on disk that may be damaged, a stranger's, or something else than a file: read within limits, or refused.

All JSON of folders that anybody may have written is read here. A record is a plain file of bounded size, depth and
number of values; a file of lines may be of any length, and is read line by line, each within the limits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.files.ownership import open_plain, read_small

LARGEST = 1 << 26  # bytes of a record that is read at once
LONGEST_LINE = 1 << 24  # bytes
MOST_VALUES = 2_000_000
"""In a record or a line: a sweep of 100,000 trials has fewer, and they fit into a few hundred MB."""
DEEPEST = 100
"""Objects and lists within each other."""
MOST_DIGITS = 300
"""Of an integer, so that it can be a float."""


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        ConfigError: it cannot be read, holds something else, or exceeds a limit; in one line.
    """
    try:
        found = parse(read_text(path))
    except ValueError as error:
        raise ConfigError(f"{path} cannot be read: it is no JSON ({_first_line(error)})") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path} does not hold a JSON object")
    return found


def read_text(path: Path) -> str:
    """The UTF-8 text in a file.

    Raises:
        ConfigError: it cannot be read, is too large, or is no text; in one line.
    """
    try:
        return read_small(path, LARGEST).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} cannot be read: byte {error.start} is not UTF-8 text") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, each with its end; the last one may lack it.

    Raises:
        ConfigError: it cannot be read, or a line is too long; in one line.
    """
    try:
        yield from _lines(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def row(line: bytes | str) -> dict[str, Any] | None:
    """The JSON object in a line; None where there is none."""
    try:
        found = parse(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def parse(content: bytes | str) -> Any:
    """What a JSON text says. NaN and infinities are read, as metrics have them.

    Raises:
        ValueError: it is no JSON, not UTF-8, has too many values or digits, or is nested too deep.
    """
    text = content.decode("utf-8") if isinstance(content, bytes) else content
    # Counted before anything is built. What stands within strings counts, too: no record has so many.
    openings = text.count("[") + text.count("{")
    if openings + text.count(",") > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES:,} values")
    try:
        found = _DECODER.decode(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if openings > DEEPEST and _is_too_deep(found):
        raise ValueError(_TOO_DEEP)
    return found


_TOO_DEEP = f"nested more than {DEEPEST} deep"


def _is_too_deep(value: Any) -> bool:
    """Level by level, as a value within limits may still be too deep for Python's own recursion."""
    level, depth = [value], 0
    while level:
        level = [node for node in level if isinstance(node, (dict, list))]
        depth += bool(level)
        if depth > DEEPEST:
            return True
        level = [item for node in level for item in (node.values() if isinstance(node, dict) else node)]
    return False


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


_DECODER = json.JSONDecoder(parse_int=_integer)


def _lines(path: Path) -> Iterator[bytes]:
    with open_plain(path) as file:
        while line := file.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                raise ConfigError(f"{path} cannot be read: a line has more than {LONGEST_LINE:,} bytes")
            yield line


def _unreadable(path: Path, error: OSError) -> ConfigError:
    reason = error.strerror.lower() if error.strerror else "it is no plain file, or too large"
    return ConfigError(f"{path} cannot be read: {reason}")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
