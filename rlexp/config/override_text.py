"""Overrides as text, ready to be typed into a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

_PLAIN_TEXT = re.compile(r"[A-Za-z_/~][\w./:@%+~-]*")
_WORDS_OF_YAML = ("true", "false", "null", "nan", "inf")


def assigned(key: str, value: str) -> str:
    """`key=value`, in quotation marks where a shell would read the value as its own."""
    return shlex.quote(f"{key}={value}")


def literal(value: Any) -> str:
    """A plain value as an override spells it; text that would be read as something else goes into quotation marks."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(literal, value)) + "]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, str) and (not _PLAIN_TEXT.fullmatch(value) or value.lower() in _WORDS_OF_YAML):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def override(key: str, value: Any) -> str:
    """The assignment of a value to a key."""
    return assigned(key, literal(value))
