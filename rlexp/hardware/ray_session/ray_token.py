"""The token without which nobody talks to a Ray that is started here: readable by this user alone.

Ray keeps it in `~/.ray/auth_token`, for all to read, and ends where it cannot write it.
"""

from __future__ import annotations

import logging
import os
import secrets
from contextlib import suppress
from pathlib import Path

from rlexp.base.files.ownership import keep_private, others_may_change, read_small

MODE, TOKEN, PLACE = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
_log = logging.getLogger(__name__)


def prepare() -> None:
    """Before a Ray is started: its token is there and private; where no home can be written to, in the environment.

    A token that the person has chosen is left as it is, and so is a Ray that is to do without.
    """
    if os.environ.get(MODE, "token").lower() != "token" or os.environ.get(TOKEN) or os.environ.get(PLACE):
        return
    try:
        path = Path.home() / ".ray" / "auth_token"
        if not path.exists():
            _create(path)
        reason = others_may_change(path) or others_may_change(path.parent)
        if reason is None and read_small(path).strip():
            with suppress(OSError):  # Root's, or on a disk that is read only.
                keep_private(path)
            return
        if reason is not None:
            _log.warning("Ray's token is not used: %s", reason)
    except (OSError, RuntimeError) as error:
        _log.info("Ray's token cannot be kept in the home folder: %s", error)
    os.environ[TOKEN] = secrets.token_hex(32)


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
