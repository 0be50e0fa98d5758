"""Charts of what differs between runs: how much it matters, how its values compare, and all of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rlexp.base.statistics import Floats
from rlexp.report.analysis.parameter_effects import Effect, label_of
from rlexp.report.analysis.parameters import Parameter
from rlexp.report.analysis.permutation_baseline import CHANCE
from rlexp.report.drawing.charts import COLOURS, Chart, Spec
from rlexp.report.reading import Run

MOST_LINES = 300
"""So many runs are drawn in parallel coordinates: the better half of them the best, the others spread over the rest."""
MOST_AXES = 9
TICKS = 5


def parameter_charts(
    effects: Sequence[Effect], runs: Sequence[Run], scores: Floats, title: str, warning: str = ""
) -> list[Chart]:
    """Importance, effects and parallel coordinates; none without effects.

    Args:
        effects: of the runs' parameters.
        runs: all.
        scores: [runs], as the effects were computed from.
        title: of the scores: the metric, and how it was scaled.
        warning: of what made the points; see `rlexp.report.analysis.parameter_effects`.
    """
    if not effects:
        return []
    return [
        _importance(effects, warning),
        _effects(effects, title, warning),
        _parallel(effects, runs, scores, title),
    ]


def _importance(effects: Sequence[Effect], warning: str) -> Chart:
    rows = [
        {"parameter": e.parameter.name, "share": round(e.importance, 4), "chance": round(e.chance, 4)}
        for e in effects
    ]
    y = {"field": "parameter", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 320}}
    x = {"type": "quantitative", "title": "share of the scores' variance", "axis": {"format": "%"}}
    spec = {
        "data": {"values": rows},
        "width": 640,
        "layer": [
            {"mark": {"type": "bar", "color": COLOURS[0], "tooltip": {"content": "data"}},
             "encoding": {"y": y, "x": {**x, "field": "share", "scale": {"domain": [0, 1]}}}},
            {"mark": {"type": "tick", "color": "black", "thickness": 2},
             "encoding": {"y": y, "x": {**x, "field": "chance"}}},
        ],
    }  # fmt: skip
    note = (
        "How much of the variance of the points' scores each parameter's values explain (epsilon squared); a point is "
        "what was tried, its score the mean over its seeds, and the rest is seeds, noise and interplay. A bar that "
        "ends before its black mark may be chance: the mark is what a parameter without any effect stays "
        f"below in {CHANCE:.0%} of permutations of the points (in a grid, of runs that differ in that parameter alone)."
    )
    return Chart("importance", "Which parameter matters", note, spec, warning)


def _effects(effects: Sequence[Effect], title: str, warning: str) -> Chart:
    note = (
        "Each circle is a point, the mean over its seeds (a run, where nothing else differs); the dark dots are "
        "interquartile means of the points with that value, or in that stretch of values, with 95 % bootstrap "
        "intervals. Everything else differs between these points, too."
    )
    spec = {"concat": [_effect(each, title) for each in effects], "columns": 2, "spacing": 30}
    return Chart("effects", "What each value brings", note, spec, warning)


def _effect(effect: Effect, title: str) -> Spec:
    """One parameter: the groups side by side, in their order."""
    labels = [level.label for level in effect.levels]
    means = [
        {"value": level.label, "score": level.estimate.value, "low": level.estimate.low, "high": level.estimate.high,
         "points": len(level.scores), "runs": int(level.seeds.sum())}
        for level in effect.levels
    ]  # fmt: skip
    x = {"field": "value", "type": "nominal", "sort": labels, "title": effect.parameter.name,
         "axis": {"labelAngle": -30 if max(map(len, labels)) * len(labels) > 40 else 0, "labelLimit": 140}}  # fmt: skip
    y = {"type": "quantitative", "title": title, "scale": {"zero": False}}
    points = [
        {"value": level.label, "score": float(score), "seeds": int(seeds)}
        for level in effect.levels
        for score, seeds in zip(level.scores, level.seeds, strict=True)
    ]
    return {
        "width": 330,
        "height": 220,
        "layer": [
            {"data": {"values": points},
             "mark": {"type": "point", "opacity": 0.45, "size": 26, "color": COLOURS[0],
                      "tooltip": {"content": "data"}},
             "encoding": {"x": x, "y": {**y, "field": "score"}}},
            {"data": {"values": means}, "mark": {"type": "rule", "strokeWidth": 5, "opacity": 0.4},
             "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}},
            {"data": {"values": means},
             "mark": {"type": "point", "filled": True, "size": 90, "color": "black", "tooltip": {"content": "data"}},
             "encoding": {"x": x, "y": {**y, "field": "score"}}},
        ],
    }  # fmt: skip


def _parallel(effects: Sequence[Effect], runs: Sequence[Run], scores: Floats, title: str) -> Chart:
    axes = [effect.parameter for effect in effects[:MOST_AXES]]
    shown = _shown(scores)
    low, high = float(np.nanmin(scores)), float(np.nanmax(scores))
    rows, ticks = [], []
    for axis in axes:
        places = axis.places
        rows += [
            _line(runs[at], axis.name, places[at], scores[at], label_of(axis.values[at])) for at in shown
        ]
        ticks += [{"axis": axis.name, "place": place, "label": label} for place, label in _ticks(axis)]
    for at in shown:
        rows.append(
            _line(runs[at], title, (scores[at] - low) / (high - low), scores[at], label_of(float(scores[at])))
        )
    ticks += [
        {"axis": title, "place": float(place), "label": f"{low + place * (high - low):.4g}"}
        for place in np.linspace(0, 1, TICKS)
    ]
    names = [*(axis.name for axis in axes), title]
    x = {"field": "axis", "type": "nominal", "sort": names, "title": None,
         "scale": {"type": "point", "padding": 0.4},
         "axis": {"orient": "top", "offset": 16, "labelAngle": 0, "labelLimit": 240, "labelFontWeight": "bold",
                  "domain": False, "ticks": False, "grid": True, "gridColor": "#999"}}  # fmt: skip
    y = {"type": "quantitative", "axis": None, "scale": {"domain": [0, 1]}}
    colour = {"field": "score", "type": "quantitative", "title": "score", "scale": {"scheme": "viridis"}}
    spec = {
        "width": 720,
        "height": 320,
        "layer": [
            {"data": {"values": rows},
             "mark": {"type": "line", "opacity": 0.55, "strokeWidth": 1.4, "tooltip": {"content": "data"}},
             "encoding": {"x": x, "y": {**y, "field": "place"}, "detail": {"field": "run"}, "color": colour,
                          "order": {"field": "order", "type": "quantitative"}}},
            {"data": {"values": ticks},
             "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 11, "stroke": "white", "strokeWidth": 3},
             "encoding": {"x": x, "y": {**y, "field": "place"}, "text": {"field": "label"}}},
            {"data": {"values": ticks},
             "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 11},
             "encoding": {"x": x, "y": {**y, "field": "place"}, "text": {"field": "label"}}},
        ],
    }  # fmt: skip
    for row in rows:
        row["order"] = names.index(row["axis"])
    left_out = int(np.isfinite(scores).sum()) - len(shown)
    note = "One line a run, from its parameters to its score on the right; the colour is the score."
    if left_out:
        note += f" {left_out} runs are left out: the best are there, the others are a sample."
    return Chart("parallel", "All parameters at once", note, spec)


def _shown(scores: Floats) -> list[int]:
    """Which runs are drawn, the best last, so that they lie on top."""
    order = [int(at) for at in np.argsort(scores) if np.isfinite(scores[at])]
    if len(order) <= MOST_LINES:
        return order
    half = MOST_LINES // 2
    rest = order[: len(order) - half]
    return [rest[int(at)] for at in np.linspace(0, len(rest) - 1, half)] + order[-half:]


def _line(run: Run, axis: str, place: float, score: float, value: str) -> dict[str, Any]:
    return {
        "run": run.name,
        "axis": axis,
        "place": round(float(place), 4),
        "score": float(score),
        "value": value,
    }


def _ticks(axis: Parameter) -> list[tuple[float, str]]:
    levels = axis.levels
    if not axis.numeric:
        return [(at / max(1, len(levels) - 1), label_of(level)) for at, level in enumerate(levels)]
    if len(levels) <= TICKS:
        return [(axis.place(level), label_of(level)) for level in levels]
    low, high = float(levels[0]), float(levels[-1])
    places = np.linspace(0, 1, TICKS)
    values = [low * (high / low) ** p if axis.log else low + p * (high - low) for p in places]
    return [(float(p), f"{value:.3g}") for p, value in zip(places, values, strict=True)]
