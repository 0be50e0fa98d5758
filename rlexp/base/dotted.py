"""Keys such as `algorithm.lr` and paths such as `timers/sample`, looked up in plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def at(plain: Any, key: str, separator: str = ".") -> Any:
    """The value at a key whose parts are separated so; None where there is none."""
    for part in key.split(separator):
        plain = plain.get(part) if isinstance(plain, Mapping) else None
    return plain
