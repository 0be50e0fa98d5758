"""Vega-Lite specifications of the report's charts: plain dicts, drawn in the page and as pictures alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rlexp.base.headline_metrics import ITERATION_S, METRICS, is_share, title_of
from rlexp.report.analysis.arms import Arm
from rlexp.report.analysis.curves import POINTS, curve_of, run_curve
from rlexp.report.reading import STEPS, WALL, Run

COLOURS = (
    "#0b6e99", "#d1701f", "#2e8540", "#a33b6f", "#6b5b95", "#8a6d3b", "#3c8dad", "#c94f4f", "#5f7161", "#9a8c98",
)  # fmt: skip
MOST_RUNS = 40
"""So many runs have a row in a chart of single runs."""
MOST_DOTS = 40
"""A run measured so often at most has a dot for each measurement; more would run into each other."""
ITERATION_PARTS = tuple(metric for metric in METRICS if metric.chart == "iteration time")
RUNNER_PARTS = tuple(metric for metric in METRICS if metric.chart == "runner time")

Spec = dict[str, Any]


@dataclass(frozen=True)
class Chart:
    """One chart of the page.

    Attributes:
        name: of its picture's file.
        title: in the page.
        note: what it shows, a sentence or two.
        spec: Vega-Lite.
        warning: what it must not be taken for; empty for none.
    """

    name: str
    title: str
    note: str
    spec: Spec
    warning: str = ""


def curves(arms: Sequence[Arm], metric: str, along: str = STEPS) -> Chart | None:
    """A metric by arm over env steps or minutes; None where no run logged it."""
    scale = 1 / 60 if along == WALL else 1
    middle, lines, dots, thinned = [], [], [], False
    for arm in arms:
        if (curve := curve_of(arm, metric, along)) is None:
            continue
        for x, m, y, low, high in zip(
            curve.x, curve.measured, curve.middle, curve.low, curve.high, strict=True
        ):
            row = _row(arm, x=x * scale, y=y, low=low, high=high)
            middle.append({**row, "measured": f"{m:.0f} of {len(arm.runs)} runs"})
        for run in arm.runs:
            points = zip(*run_curve(run, metric, along), strict=True)
            points_of_run = [_row(arm, x=x * scale, y=y, run=run.name) for x, y in points]
            lines += points_of_run if len(arm.runs) > 1 else []
            dots += points_of_run if len(points_of_run) <= MOST_DOTS else []
            thinned |= len(points_of_run) < len(run.curve(metric, along)[0])
    if not middle:
        return None
    repeated = bool(lines)
    axis = _axis("x", "minutes of training" if along == WALL else "env steps", along != WALL)
    tooltip = {"content": "data"}
    layers = [
        {"data": {"values": lines}, "mark": {"type": "line", "strokeWidth": 0.6, "opacity": 0.45},
         "encoding": {"x": axis, "y": _metric_axis("y", metric), "detail": {"field": "run"}}},
        {"data": {"values": middle}, "mark": {"type": "area", "opacity": 0.18},
         "encoding": {"x": axis, "y": _metric_axis("low", metric), "y2": {"field": "high"}}},
        {"data": {"values": middle}, "mark": {"type": "line", "strokeWidth": 2, "tooltip": tooltip},
         "encoding": {"x": axis, "y": _metric_axis("y", metric)}},
        {"data": {"values": dots}, "mark": {"type": "point", "filled": True, "size": 18, "tooltip": tooltip},
         "encoding": {"x": axis, "y": _metric_axis("y", metric)}},
    ]  # fmt: skip
    shown = layers if repeated else layers[2:]
    note = (
        "Thick: interquartile mean over the runs of an arm, with its 95 % bootstrap interval, where some run was "
        "measured; those that were not count with what lies on the straight line between their own measurements. "
        "Thin: single runs."
        if repeated
        else "One line a run."
    )
    note += " Dots are measurements; lines join them." if dots else ""
    note += f" Of more than {POINTS} measurements neighbouring ones are averaged." if thinned else ""
    where = "wall" if along == WALL else "steps"
    spec = _faceted(arms, {"layer": shown if dots else shown[:-1]})
    return Chart(
        re.sub(r"[^\w.=+-]", "_", f"{metric}_{where}")[-100:], f"{metric} over {axis['title']}", note, spec
    )


def wall_time(runs: Sequence[Run]) -> Chart | None:
    """A chart of where the iterations' wall time went."""
    rows, names = [], [*(part.label for part in ITERATION_PARTS), "rest"]
    for run in runs[:MOST_RUNS]:
        seconds = [run.total(part.name) for part in ITERATION_PARTS]
        rest = max(0.0, run.total(ITERATION_S) - sum(seconds))
        rows += _shares(run, names, [*seconds, rest])
    note = (
        "Shares of the iterations' wall time. IMPALA's and APPO's learning runs beside the sampling, so that their "
        "shares can add up to more than there was; they are scaled to one."
    )
    note += _first_ones(runs)
    return Chart("wall_time", "Where the time went", note, _bars(rows, names)) if rows else None


def sampling_time(runs: Sequence[Run]) -> Chart | None:
    """A chart of where the env runners' time went."""
    rows, names = [], [part.label for part in RUNNER_PARTS]
    for run in runs[:MOST_RUNS]:
        rows += _shares(run, names, [run.total(part.name) for part in RUNNER_PARTS])
    note = f"Shares of what was measured inside the env runners, summed over all of them.{_first_ones(runs)}"
    return (
        Chart("sampling_time", "Where the sampling's time went", note, _bars(rows, names)) if rows else None
    )


def _first_ones(runs: Sequence[Run]) -> str:
    return f" The first {MOST_RUNS} of {len(runs):,} runs." if len(runs) > MOST_RUNS else ""


def _shares(run: Run, parts: Sequence[str], seconds: Sequence[float]) -> list[dict[str, Any]]:
    total = sum(seconds)
    if total <= 0:
        return []
    return [
        {"run": run.name, "part": part, "order": at, "share": s / total, "seconds": round(s, 2)}
        for at, (part, s) in enumerate(zip(parts, seconds, strict=True))
    ]


def _bars(rows: list[dict[str, Any]], parts: Sequence[str]) -> Spec:
    return {
        "data": {"values": rows},
        "width": 720,
        "mark": {"type": "bar", "tooltip": True},
        "encoding": {
            "y": {"field": "run", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 320}},
            "x": {"field": "share", "type": "quantitative", "title": None, "axis": {"format": "%"},
                  "scale": {"domain": [0, 1]}},
            "color": _colour("part", parts),
            "order": {"field": "order"},
        },
    }  # fmt: skip


def intervals(
    rows: Sequence[dict[str, Any]], title: str, names: Sequence[str], *, probability: bool = False
) -> Spec:
    """A dot and its interval for each row (`name`, `value`, `low`, `high`); for a probability, a line at a half."""
    y = {"field": "name", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 320}}
    scale = {"domain": [0, 1]} if probability else {"zero": False}
    x = {"type": "quantitative", "title": title, "scale": scale}
    colour = {"color": _colour("name", names) | {"legend": None}}
    layers: list[Spec] = [
        {"mark": {"type": "rule", "strokeWidth": 6, "opacity": 0.35},
         "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}, **colour}},
        {"mark": {"type": "point", "filled": True, "size": 80, "tooltip": {"content": "data"}},
         "encoding": {"y": y, "x": {**x, "field": "value"}, **colour}},
    ]  # fmt: skip
    if probability:
        layers.append({"mark": {"type": "rule", "strokeDash": [4, 4]}, "encoding": {"x": {"datum": 0.5}}})
    return {"data": {"values": list(rows)}, "width": 640, "layer": layers}


def profiles(rows: Sequence[dict[str, Any]], names: Sequence[str], title: str) -> Spec:
    """Performance profiles from rows of `arm`, `x`, `y`, `low`, `high`."""
    y = {"type": "quantitative", "title": "share of runs above", "scale": {"domain": [0, 1]}}
    encoding = {"x": _axis("x", title), "color": _colour("arm", names)}
    return {
        "data": {"values": list(rows)},
        "width": 720,
        "height": 260,
        "encoding": encoding,
        "layer": [
            {"mark": {"type": "area", "opacity": 0.18},
             "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}}},
            {"mark": {"type": "line", "tooltip": True}, "encoding": {"y": {**y, "field": "y"}}},
        ],
    }  # fmt: skip


def _row(arm: Arm, **values: Any) -> dict[str, Any]:
    rounded = {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in values.items()}
    return {"arm": arm.name, "env": arm.env, **rounded}


def _axis(field: str, title: str, steps: bool = False) -> Spec:
    axis = {"field": field, "type": "quantitative", "title": title}
    return {**axis, "axis": {"format": "~s"}} if steps else {**axis, "scale": {"zero": False}}


def _metric_axis(field: str, metric: str) -> Spec:
    """The axis of a metric's values: with its unit; shares in percent."""
    axis = _axis(field, title_of(metric))
    return {**axis, "axis": {"format": "~%"}} if is_share(metric) else axis


def _colour(field: str, names: Sequence[str]) -> Spec:
    colours = [COLOURS[at % len(COLOURS)] for at in range(len(names))]
    return {
        "field": field, "type": "nominal", "title": None, "scale": {"domain": list(names), "range": colours},
        "legend": {"orient": "bottom", "columns": 2 if len(names) > 3 else 4, "labelLimit": 340},
    }  # fmt: skip


def _faceted(arms: Sequence[Arm], inner: Spec) -> Spec:
    """The chart once for each environment, coloured by arm; a click on the legend leaves one arm alone."""
    names = list(dict.fromkeys(arm.name for arm in arms))
    inner = {**inner, "width": 720, "height": 280, "encoding": {"color": _colour("arm", names)}}
    rows = [row for layer in inner["layer"] for row in layer["data"]["values"]]
    envs = list(dict.fromkeys(row["env"] for row in rows))
    if len(envs) == 1:
        return inner
    return {
        "vconcat": [{**inner, "title": env, "layer": _layers_of_env(inner["layer"], env)} for env in envs]
    }


def _layers_of_env(layers: Sequence[Spec], env: str) -> list[Spec]:
    """The layers with that environment's rows, those that have any."""
    rows_of_env = [[row for row in layer["data"]["values"] if row["env"] == env] for layer in layers]
    return [
        {**layer, "data": {"values": rows}} for layer, rows in zip(layers, rows_of_env, strict=True) if rows
    ]
