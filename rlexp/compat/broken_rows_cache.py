"""The rows that do not hold here, remembered for the versions that are installed: reading all source takes a second."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from rlexp.base.files.atomic import write_json
from rlexp.compat import registry


def broken_targets() -> dict[str, dict[str, str]]:
    """The targets that are not as expected, with their state, by row; of libraries that are not installed none.

    `python -m rlexp.compat` reads anew: what somebody has changed by hand in an installed library is seen there alone.
    """
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        known: dict[str, dict[str, str]] = json.loads(_file().read_text(encoding="utf-8"))
        return known
    found: dict[str, dict[str, str]] = {name: {**row.broken()} for name, row in registry.broken().items()}
    with contextlib.suppress(OSError, RuntimeError):  # No home, or none that can be written to.
        file = _file()
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, found)
    return found


def _file() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return cache / "rlexp" / f"compat-{_key()}.json"


def _key() -> str:
    """Changes with every version that is installed and with the registry."""
    asked = [(row.library, registry.installed(row.library), row.targets) for row in registry.ROWS]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]
