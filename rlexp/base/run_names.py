"""Names that a person gives to runs and sweeps: a folder's name, and a word that any shell and command takes."""

from __future__ import annotations

import os
import re

from rlexp.base.errors import ConfigError

LONGEST = 200
"""Bytes of one folder's name: most filesystems take 255, and names of files that are being written are longer."""


def check_name(key: str, name: str, *, nested: bool = True) -> None:
    """Refuses a name that is no folder's, or that would be read as something else.

    Args:
        key: `name` or `sweep.name`.
        name: as given.
        nested: whether slashes may make folders in folders.

    Raises:
        ConfigError: with a name that can be had.
    """
    parts = name.split("/") if nested else [name]
    for part in parts:
        if (problem := _problem(part)) is not None:
            fix = f"{key}={_plain(name, nested)}"
            raise ConfigError(f"{key}={name!r:.80} is not a folder's name: {problem}", key=key, fix=fix)


def _problem(part: str) -> str | None:
    if not part.strip():
        return "it is empty, or a part of it is"
    if part in (".", ".."):
        return f"{part} is another folder"
    if not part.isprintable() or any(0xD800 <= ord(sign) < 0xE000 for sign in part):
        return "it has line breaks or other signs that cannot be printed"
    if part != part.strip():
        return "it begins or ends with a space"
    if part[0] in "-~":
        return f"a command would read the {part[0]} at its beginning as something else"
    if part.startswith("."):
        return "a folder that begins with a dot is hidden"
    if {"/", "\\"} & set(part):
        return "it has slashes"
    if (length := len(os.fsencode(part))) > LONGEST:
        return f"it has {length} bytes, and at most {LONGEST} fit"
    return None


def _plain(name: str, nested: bool) -> str:
    """The nearest name that is fine."""
    parts = [re.sub(r"[^\w.,=+@-]+", "_", part).strip("_.-") for part in name.split("/")]
    return ("/" if nested else "_").join(part[: LONGEST // 4] for part in parts if part) or "my_name"
