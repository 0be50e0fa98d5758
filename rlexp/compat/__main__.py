"""`python -m rlexp.compat`: the table of what rlexp uses of other packages without their promise."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rlexp.compat import registry


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code: 1 where something that is needed is not there, else 0."""
    parser = argparse.ArgumentParser(
        prog="python -m rlexp.compat", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--broken", action="store_true", help="print only the rows that are not as expected")
    parser.add_argument("--json", action="store_true", help="print one JSON list instead of a table")
    arguments = parser.parse_args(argv)
    rows = table()
    if arguments.broken:
        rows = [row for row in rows if row["state"] not in ("there", NOT_INSTALLED)]
    print(json.dumps(rows, indent=2) if arguments.json else "\n".join(_lines(rows)))
    return int(any(row["need"] == "needed" and row["state"] in ("changed", "missing") for row in rows))


NOT_INSTALLED = "not installed"
"""The state of a row whose library is not here."""


def table() -> list[dict[str, Any]]:
    """Each row as plain data, with its `state`, the `broken` targets and the `version` that is installed."""
    rows = []
    for row in registry.ROWS:
        version = registry.installed(row.library)
        state = NOT_INSTALLED if version is None else row.state
        broken = {} if version is None else row.broken()
        rows.append({**asdict(row), "state": state, "broken": broken, "version": version})
    return rows


def _lines(rows: list[dict[str, Any]]) -> list[str]:
    lines = []
    for row in rows:
        lines.append(
            f"{row['name']:<28} {row['state']:<13} {row['need']:<6} {row['kind']:<7} "
            f"{row['library']} {row['version'] or ''}".rstrip()
        )
        lines += [f"    {path}: {state}" for path, state in row["broken"].items()]
        lines.append(f"    why: {row['why']}")
        lines.append(f"    without: {row['without']}")
        lines += [f"    upstream: {row['issue']}"] if row["issue"] else []
    states = [row["state"] for row in rows]
    counts = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    return [*lines, f"{len(rows)} rows: {counts}" if rows else "every row is as expected"]


if __name__ == "__main__":
    sys.exit(main())
