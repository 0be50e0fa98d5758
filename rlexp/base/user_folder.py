"""Where rlexp keeps what belongs to a person and not to a lab: the sealing key, the labs that are trusted."""

from __future__ import annotations

import os
from pathlib import Path

from rlexp.base.errors import ConfigError


def user_folder() -> Path:
    """`$RLEXP_HOME`, else `~/.config/rlexp`; it need not exist.

    Raises:
        ConfigError: there is no home folder.
    """
    if home := os.environ.get("RLEXP_HOME"):
        return Path(home)
    try:
        return Path.home() / ".config" / "rlexp"
    except RuntimeError as error:
        raise ConfigError(
            f"there is no home folder for what rlexp keeps of you, such as the key that seals checkpoints: {error}",
            fix="RLEXP_HOME=<a folder you can write to> rlexp ...",
        ) from None
