"""Plots of a curriculum: how tasks spread over time, and how it went. Imported only where one is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter, StrMethodFormatter
from numpy.typing import NDArray

from rlexp.curriculum.simulation.compare import MASTERED, SimulatedArm
from rlexp.curriculum.task_histogram import edges, labels, task_histogram
from rlexp.environment.tasks.space import TaskSpace
from rlexp.report.drawing.html_safe import text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rlexp.environment.tasks.dimension import Dimension

MOST_PARAMETERS = 6
COLUMNS = 200
"""Most columns of a heat map; longer runs are averaged."""
MOST_TICKS = 8
MOST_EVENTS = 24
"""Most events that are named; each has its line."""
LONGEST = 40
"""Most letters of an event's name."""
COLOURS = ("#0b6e99", "#b5651d")


def plot_simulation(arms: Sequence[SimulatedArm], space: TaskSpace, path: Path) -> Path:
    """Success on the targets by arm, and under it what the first arm's first student was given.

    Args:
        arms: as `trials` gives them.
        space: their tasks.
        path: where to; its ending says the format.
    """
    first = arms[0]
    spreads = [task_histogram(space, (o.task for o in outcomes)) for outcomes in first.traces[0].outcomes]
    steps = np.arange(1, len(spreads) + 1) * first.per_iteration
    with matplotlib.rc_context({"text.parse_math": False}):  # A dollar sign in a name is one.
        figure, axes = _figure(space)
        for arm, colour in zip(arms, COLOURS, strict=False):
            curves = arm.curves
            axes[0].fill_between(
                steps, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.2, linewidth=0
            )
            axes[0].plot(steps, np.median(curves, axis=0), color=colour, label=text(arm.name))
        axes[0].axhline(MASTERED, color="grey", linewidth=0.8, linestyle=":")
        _shares_of_one(axes[0], "success on targets")
        _spreads(axes[1:], space, steps, spreads)
        axes[-1].set_xlabel("episodes")
        return _save(figure, path)


def plot_run(space: TaskSpace, history: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Score and success over env steps, and under them how the tasks spread.

    Args:
        space: the run's tasks.
        history: a record an iteration: `env_steps`, `spread` by parameter, `score`, `success`.
        path: where to; its ending says the format.
    """
    steps = np.array([record["env_steps"] for record in history])
    with matplotlib.rc_context({"text.parse_math": False}):  # A dollar sign in a name is one.
        figure, axes = _figure(space)
        bounded = True
        for name, colour in (("success", COLOURS[0]), ("score", COLOURS[1])):
            values = np.array([_number(record.get(name)) for record in history])
            if not np.isnan(values).all():
                axes[0].plot(steps, values, color=colour, label=name)
                bounded &= bool(np.nanmin(values) >= 0 and np.nanmax(values) <= 1)
        _events(axes[0], [(r["env_steps"], str(event)) for r in history for event in r.get("events", ())])
        if bounded:
            _shares_of_one(axes[0], "of the tasks given")
        else:
            axes[0].set_ylabel("of the tasks given")
            _legend(axes[0])
        _spreads(axes[1:], space, steps, [record["spread"] for record in history])
        axes[-1].set_xlabel("env steps")
        return _save(figure, path)


def _figure(space: TaskSpace) -> tuple[Figure, list[Axes]]:
    rows = 1 + min(MOST_PARAMETERS, len(space.dims))
    figure = Figure(figsize=(9, 2.2 * rows), layout="constrained")
    axes = list(figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0])
    axes[-1].xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    return figure, axes


def _shares_of_one(axis: Axes, what: str) -> None:
    """An axis from 0 to 1, with a tick at each quarter."""
    axis.set(ylabel=what, ylim=(-0.02, 1.02), yticks=np.linspace(0, 1, 5))
    axis.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    _legend(axis)


def _legend(axis: Axes) -> None:
    """Beside the curves, not on them."""
    if axis.lines:
        axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)


def _events(axis: Axes, events: Sequence[tuple[float, str]]) -> None:
    """A line each; their names stand above the curves, those of them that have room."""
    if not events:
        return
    for at in dict.fromkeys(at for at, _ in events):
        axis.axvline(at, color="grey", linewidth=0.8, linestyle=":")
    low, high = axis.get_xlim()
    free = -np.inf
    for at, name in events:
        if at < free:
            continue
        free = at + (high - low) / MOST_EVENTS
        axis.annotate(
            _short(name), (at, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
            fontsize=7, rotation=45, va="bottom", ha="left", rotation_mode="anchor", annotation_clip=False,
        )  # fmt: skip


def _spreads(
    axes: Sequence[Axes], space: TaskSpace, steps: NDArray[Any], spreads: Sequence[Mapping[str, Any]]
) -> None:
    """A heat map of each parameter: its bins over time, with the scale of its shares beside it."""
    for axis, (name, dim) in zip(axes, space.dims.items(), strict=False):
        shares = np.array([np.asarray(one[name], float) for one in spreads])
        x, shares = _thinned(steps, shares)
        places = _scale(axis, dim)
        most = max(float(shares.max()), 1e-9)
        drawn = axis.pcolormesh(_between(x), places, shares.T, cmap="Blues", vmin=0.0, vmax=most)
        beside = axis.inset_axes((1.015, 0.0, 0.018, 1.0))
        bar = axis.figure.colorbar(drawn, cax=beside, format=PercentFormatter(1.0, decimals=0))
        bar.set_label("of the episodes")
        axis.set_ylabel("task" if space.bare else text(name))


def _scale(axis: Axes, dim: Dimension) -> NDArray[np.float64]:
    """[bins + 1] where the bins of a parameter begin and end, after giving the axis its scale and even ticks."""
    bounds = edges(dim)
    if bounds is not None:
        log = bool(getattr(dim, "log", False))
        axis.set(yscale="log" if log else "linear", ylim=(bounds[0], bounds[-1]))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        if not log:
            axis.yaxis.get_major_locator().set_params(nbins=MOST_TICKS)  # type: ignore[call-arg]
        return bounds
    named = [text(label) for label in labels(dim)]
    shown = range(0, len(named), -(-len(named) // MOST_TICKS))
    axis.set_yticks(list(shown), [named[place] for place in shown])
    return np.arange(len(named) + 1, dtype=np.float64) - 0.5


def _between(x: NDArray[Any]) -> NDArray[np.float64]:
    """[n + 1] bounds of the columns around [n] places."""
    if len(x) < 2:
        return np.array([0.0, 2.0 * float(x[0]) or 1.0])
    middles = (x[1:] + x[:-1]) / 2
    ends = x[0] - (middles[0] - x[0]), x[-1] + (x[-1] - middles[-1])
    return np.concatenate([[ends[0]], middles, [ends[1]]]).astype(np.float64)


def _thinned(x: NDArray[Any], rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    parts = np.array_split(np.arange(len(x)), min(len(x), COLUMNS))
    return np.array([x[part].mean() for part in parts]), np.array([rows[part].mean(axis=0) for part in parts])


def _short(name: str) -> str:
    return text(name if len(name) <= LONGEST else name[: LONGEST - 1] + "…")


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")


def _save(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    return path
