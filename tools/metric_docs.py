"""The table of `docs/metrics.md`, from the rows of `rlexp.base.headline_metrics`.

python tools/metric_docs.py            prints the table
python tools/metric_docs.py --write    puts it in its place on the page
"""

from __future__ import annotations

import sys
from pathlib import Path

from rlexp.base.headline_metrics import METRICS, Metric

PAGE = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"
HEAD = ("| name | unit | better | what it is |", "|---|---|---|---|")


def table() -> list[str]:
    """The lines of the table."""
    return [*HEAD, *map(_line, METRICS)]


def on_page(text: str) -> list[str]:
    """The lines of the table as a page has it."""
    lines = text.splitlines()
    begin = lines.index(HEAD[0])
    end = next((at for at in range(begin, len(lines)) if not lines[at].startswith("|")), len(lines))
    return lines[begin:end]


def _line(metric: Metric) -> str:
    return f"| `{metric.name}` | {metric.unit} | {metric.better or ''} | {metric.what} |"


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        page = PAGE.read_text()
        PAGE.write_text(page.replace("\n".join(on_page(page)), "\n".join(table())))
    else:
        print("\n".join(table()))
