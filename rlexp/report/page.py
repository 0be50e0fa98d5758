"""The report as one HTML file that opens from disk, with its charts as pictures beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from rlexp.checkpoint.atomic import write_bytes, write_text
from rlexp.checkpoint.links import refuse_link
from rlexp.errors import ConfigError
from rlexp.report import vega
from rlexp.report.charts import Chart

PICTURES = "report"
"""Folder of the pictures."""


def write_page(
    path: Path, charts: Sequence[Chart], content: Mapping[str, Any], *, pictures: Sequence[str]
) -> list[Path]:
    """Writes the page and its pictures; returns the paths, the page's first.

    Args:
        path: of the page.
        charts: in their order.
        content: what the template shows besides.
        pictures: endings, `svg` and `png`.

    Raises:
        ConfigError: the extra `report` is not installed.
    """
    refuse_link(path.parent / PICTURES)
    try:
        import jinja2
        import vl_convert
    except ImportError as error:
        raise ConfigError(
            f"a report needs {error.name}, which is not installed", fix="pip install 'rlexp[report]'"
        ) from None
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((files("rlexp.report") / "page.html.jinja").read_text("utf-8"))
    script = vega.script()
    specs = json.dumps({chart.name: _parts(chart.spec) for chart in charts}).replace("</", "<\\/")
    page = template.render(charts=charts, script=_safe(script), specs=_safe(specs), **content)
    write_text(path, page)
    written = [path]
    for chart in charts:
        for ending in pictures:
            picture = path.parent / PICTURES / f"{chart.name}.{ending}"
            picture.parent.mkdir(parents=True, exist_ok=True)
            if ending == "png":
                write_bytes(picture, vl_convert.vegalite_to_png(_styled(chart.spec), scale=2))
            else:
                write_text(picture, vl_convert.vegalite_to_svg(_styled(chart.spec)))
            written.append(picture)
    return written


def _parts(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The charts that it puts side by side, or it alone: Vega 6.2 gives charts side by side no room in a browser."""
    return [_styled(part) for part in spec.get("concat") or spec.get("vconcat") or [spec]]


def _safe(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)


def _styled(spec: dict[str, Any]) -> dict[str, Any]:
    font = "system-ui, sans-serif"
    style = {
        "font": font,
        "background": "white",
        "axis": {"gridColor": "#e6e6e6", "domainColor": "#888", "labelFontSize": 11, "titleFontSize": 12},
        "legend": {"labelFontSize": 12},
        "view": {"stroke": None},
    }
    return {"config": style, **spec}
