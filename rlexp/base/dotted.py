"""Keys such as `algorithm.lr`, looked up in plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def at(plain: Any, key: str) -> Any:
    """The value at a dotted key; None where there is none."""
    for part in key.split("."):
        plain = plain.get(part) if isinstance(plain, Mapping) else None
    return plain
