"""The report as one HTML file that opens from disk, with its charts as pictures beside it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.files.atomic import write_bytes, write_text
from rlexp.base.files.links import refuse_link
from rlexp.report.drawing import html_safe
from rlexp.report.drawing.charts import Chart
from rlexp.report.drawing.pictures import DrawingProcess

ENTRY = "window.vegaEmbed = vegaEmbed;"
"""What the bundle is to do: define `vegaEmbed`. It needs nothing else; to make it takes a second and a half."""


def load_bundle() -> str | None:
    """The script as it was kept; None where it has not been made yet."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return _bundle_path().read_text(encoding="utf-8") or None
    return None


def store_bundle(script: str) -> None:
    """Keeps the script for the next page."""
    path = _bundle_path()
    with contextlib.suppress(
        OSError
    ):  # A home that cannot be written to: then it is bundled again next time.
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, script)


def _bundle_path() -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return root / "rlexp" / f"vega-{version('vl-convert-python')}.js"


PICTURES = "report"
"""Folder of the pictures."""


def require_report_extra() -> None:
    """Raises ConfigError where the extra `report` is not installed; loads nothing."""
    for module in ("jinja2", "vl_convert"):
        if find_spec(module) is None:
            raise ConfigError(
                f"a report needs {module}, which is not installed", fix="pip install 'rlexp[report]'"
            )


def write_page(
    path: Path,
    charts: Sequence[Chart],
    content: Mapping[str, Any],
    *,
    pictures: Sequence[str],
    drawing: DrawingProcess,
) -> tuple[list[Path], list[str]]:
    """Writes the page and its pictures; returns the paths, the page's first, and what could not be drawn.

    Args:
        path: of the page.
        charts: in their order.
        content: what the template shows besides.
        pictures: endings, `svg` and `png`.
        drawing: draws them; where it cannot, the page has the script that was kept, or its tables alone.

    Raises:
        ConfigError: the pictures' folder is a link elsewhere.
    """
    refuse_link(path.parent / PICTURES)
    import jinja2
    from markupsafe import Markup

    specs = {chart.name: html_safe.plain(chart.spec) for chart in charts}
    script = load_bundle()
    drawn = drawing.draw(
        {name: _with_style(spec) for name, spec in specs.items()}, pictures, "" if script else ENTRY
    )
    if script is None and drawn.script:
        store_bundle(drawn.script)
        script = drawn.script
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((files("rlexp.report.drawing") / "page.html.jinja").read_text("utf-8"))
    page = template.render(
        charts=charts,
        trouble=drawn.trouble,
        script=Markup(html_safe.script(script)) if script else None,
        specs=Markup(html_safe.data({name: _parts(spec) for name, spec in specs.items()})),
        **content,
    )
    write_text(path, html_safe.text(page))
    paths = [path]
    for (name, ending), picture in drawn.pictures.items():
        place = path.parent / PICTURES / f"{name}.{ending}"
        place.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(place, picture)
        paths.append(place)
    return paths, list(drawn.trouble)


def _parts(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The charts that it puts side by side, or it alone: Vega 6.2 gives charts side by side no room in a browser."""
    return [_with_style(part) for part in spec.get("concat") or spec.get("vconcat") or [spec]]


def _with_style(spec: dict[str, Any]) -> dict[str, Any]:
    font = "system-ui, sans-serif"
    style = {
        "font": font,
        "background": "white",
        "axis": {"gridColor": "#e6e6e6", "domainColor": "#888", "labelFontSize": 11, "titleFontSize": 12},
        "legend": {"labelFontSize": 12},
        "view": {"stroke": None},
    }
    return {"config": style, **spec}
