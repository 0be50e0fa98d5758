"""The script that draws the report's charts in a browser: Vega, bundled once on this machine and kept."""

from __future__ import annotations

import contextlib
import os
from importlib.metadata import version
from pathlib import Path

from rlexp.base.files.atomic import write_text

ENTRY = "window.vegaEmbed = vegaEmbed;"
"""What the bundle is to do: define `vegaEmbed`. It needs nothing else; to make it takes a second and a half."""


def kept() -> str | None:
    """The script as it was kept; None where it has not been made yet."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return _place().read_text(encoding="utf-8") or None
    return None


def keep(script: str) -> None:
    """For the next time."""
    path = _place()
    with contextlib.suppress(
        OSError
    ):  # A home that cannot be written to: then it is bundled again next time.
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, script)


def _place() -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return root / "rlexp" / f"vega-{version('vl-convert-python')}.js"
