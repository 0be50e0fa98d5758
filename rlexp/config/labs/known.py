"""The labs that this user has worked in: from elsewhere, no other one's code is taken for the user's own.

A run's folder may be unpacked from a stranger's archive, with a lab around it. Whose files these are says nothing
then; that the user has made this lab, or started runs in it, does. The record lies beside the user's key.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from rlexp.base.errors import ConfigError
from rlexp.base.user_folder import user_folder
from rlexp.config.labs.lab_ownership import others_may_change, trusted

FILE = "labs"
"""A folder a line."""


def remember_lab(root: Path) -> None:
    """Notes that the user works in the lab at `root`; does nothing where the record cannot be written."""
    if is_known_lab(root) or "\n" in str(root.resolve()):
        return
    with suppress(OSError, ConfigError):
        file = user_folder() / FILE
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as lines:
            lines.write(f"{root.resolve()}\n")


def is_known_lab(root: Path) -> bool:
    """True if the user has worked in the lab at `root`, or has said that it may be used."""
    with suppress(OSError, ConfigError, UnicodeDecodeError):
        if root.resolve() in trusted():
            return True
        file = user_folder() / FILE
        if file.is_file() and others_may_change(file) is None:
            return str(root.resolve()) in file.read_text(encoding="utf-8").splitlines()
    return False
