"""Success on each of an evaluation's tasks over training: what was learnt, and what was forgotten again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rlexp.report.analysis.arms import Arm
from rlexp.report.drawing.charts import Chart

KINDS = ("eval/success/", "eval/return/")
COLUMNS = 40
"""Most cells of a row; more evaluations are averaged."""
MOST_ARMS = 12


def task_matrix(arms: Sequence[Arm]) -> Chart | None:
    """A row a task and a column a time, for each arm; None where no run evaluates several tasks."""
    runs = [run for arm in arms for run in arm.runs]
    names = {name for run in runs for row in run.rows for name in row}
    kind = next((kind for kind in KINDS if any(name.startswith(kind) for name in names)), None)
    if kind is None:
        return None
    tasks = sorted(name for name in names if name.startswith(kind))
    rows = [row for arm in arms[:MOST_ARMS] for task in tasks for row in _cells(arm, task, kind)]
    bounded = {"domain": [0, 1]} if kind == KINDS[0] else {}
    inner: dict[str, Any] = {
        "width": 640,
        "mark": {"type": "rect", "tooltip": True},
        "encoding": {
            "x": {"field": "from", "type": "quantitative", "title": "env steps",
                  "axis": {"format": "~s", "grid": False}},
            "x2": {"field": "to"},
            "y": {"field": "task", "type": "nominal", "title": None, "axis": {"labelLimit": 260}},
            "color": {"field": "value", "type": "quantitative", "title": kind.split("/")[1],
                      "scale": {"scheme": "blues", **bounded}},
        },
    }  # fmt: skip
    row = {
        "field": "arm",
        "type": "nominal",
        "title": None,
        "header": {"labelAngle": 0, "labelAlign": "left"},
    }
    several = len({cell["arm"] for cell in rows}) > 1
    spec = {"data": {"values": rows}, **({"facet": {"row": row}, "spec": inner} if several else inner)}
    what = kind.split("/")[1]
    note = f"Mean {what} on each target task, evaluation by evaluation; a row that turns pale again was forgotten."
    return Chart("targets", "Target tasks", note, spec)


def _cells(arm: Arm, task: str, kind: str) -> list[dict[str, Any]]:
    """Means over the arm's runs in equal stretches of env steps."""
    run_curves = [run.curve(task) for run in arm.runs]
    last = max((x[-1] for x, _ in run_curves if len(x)), default=0.0)
    count = min(COLUMNS, max((len(x) for x, _ in run_curves), default=0))
    if not count:
        return []
    edges = np.linspace(0.0, last, count + 1)
    x, y = (np.concatenate(part) for part in zip(*run_curves, strict=True))
    at = np.clip(np.searchsorted(edges, x, side="left") - 1, 0, count - 1)
    label = {"arm": " ".join(filter(None, (arm.name, arm.env))), "task": task.removeprefix(kind)}
    cells, begin = [], 0.0
    for n in range(count):
        if (at == n).any():  # A stretch without an evaluation belongs to the next one.
            cells.append({**label, "from": begin, "to": edges[n + 1], "value": float(y[at == n].mean())})
            begin = edges[n + 1]
    return cells
