"""The script that draws the report's charts in a browser: Vega, bundled once on this machine and kept."""

from __future__ import annotations

import contextlib
import os
import threading
from importlib.metadata import version
from pathlib import Path

from rlexp.checkpoint.atomic import write_text

_ENTRY = "window.vegaEmbed = vegaEmbed;"


def script() -> str:
    """JavaScript that defines `vegaEmbed`, and needs nothing else. To bundle it takes a second and a half.

    Raises:
        ImportError: the extra `report` is not installed.
    """
    path = _cached()
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8")
    import vl_convert

    made = vl_convert.javascript_bundle(_ENTRY)
    with contextlib.suppress(
        OSError
    ):  # A home that cannot be written to: then it is bundled again next time.
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, made)
    return made


def prepare() -> None:
    """Draws a first picture, in a thread: it takes most of a second, the others hundredths."""

    def draw() -> None:
        with contextlib.suppress(Exception):  # Whoever wants the report is told.
            import vl_convert

            vl_convert.vegalite_to_svg({"data": {"values": []}, "mark": "point"})

    threading.Thread(target=draw, name="vega", daemon=True).start()


def _cached() -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return root / "rlexp" / f"vega-{version('vl-convert-python')}.js"
