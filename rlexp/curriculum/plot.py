"""Plots of a curriculum: how tasks spread over time, and how it went. Imported only where one is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rlexp.curriculum.space import TaskSpace
from rlexp.curriculum.spread import labels, spread
from rlexp.curriculum.trial import MASTERED, Arm

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PARAMETERS = 6
COLUMNS = 200
"""Most columns of a heat map; longer runs are averaged."""
COLOURS = ("#0b6e99", "#b5651d")


def plot_simulation(arms: Sequence[Arm], space: TaskSpace, path: Path) -> Path:
    """Success on the targets by arm, and under it what the first arm's first student was given.

    Args:
        arms: as `trials` gives them.
        space: their tasks.
        path: where to; its ending says the format.
    """
    first = arms[0]
    spreads = [spread(space, (o.task for o in outcomes)) for outcomes in first.traces[0].outcomes]
    steps = np.arange(1, len(spreads) + 1) * first.per_iteration
    figure, axes = _figure(space)
    for arm, colour in zip(arms, COLOURS, strict=False):
        curves = arm.curves
        axes[0].fill_between(
            steps, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.2, linewidth=0
        )
        axes[0].plot(steps, np.median(curves, axis=0), color=colour, label=arm.name)
    axes[0].axhline(MASTERED, color="grey", linewidth=0.8, linestyle=":")
    axes[0].set(ylabel="success on targets", ylim=(-0.02, 1.02))
    axes[0].legend(loc="lower right", frameon=False)
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
    figure, axes = _figure(space)
    steps = np.array([record["env_steps"] for record in history])
    for name, colour in (("success", COLOURS[0]), ("score", COLOURS[1])):
        values = np.array([_number(record.get(name)) for record in history])
        if not np.isnan(values).all():
            axes[0].plot(steps, values, color=colour, label=name)
    for record in history:
        for event in record.get("events", ()):
            axes[0].axvline(record["env_steps"], color="grey", linewidth=0.8, linestyle=":")
            axes[0].annotate(
                str(event), (record["env_steps"], 1.0), xycoords=("data", "axes fraction"), fontsize=7, rotation=90,
                va="top", ha="right",
            )  # fmt: skip
    axes[0].set_ylabel("of the tasks given")
    if axes[0].lines:
        axes[0].legend(loc="lower right", frameon=False)
    _spreads(axes[1:], space, steps, [record["spread"] for record in history])
    axes[-1].set_xlabel("env steps")
    return _save(figure, path)


def _figure(space: TaskSpace) -> tuple[Figure, list[Axes]]:
    rows = 1 + min(MOST_PARAMETERS, len(space.dims))
    figure = Figure(figsize=(8, 2.2 * rows), layout="constrained")
    return figure, list(figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0])


def _spreads(
    axes: Sequence[Axes], space: TaskSpace, steps: NDArray[Any], spreads: Sequence[Mapping[str, Any]]
) -> None:
    """A heat map of each parameter: its bins over time."""
    for axis, (name, dim) in zip(axes, space.dims.items(), strict=False):
        shares = np.array([np.asarray(one[name], float) for one in spreads])
        x, shares = _thinned(steps, shares)
        named = labels(dim)
        axis.pcolormesh(x, np.arange(len(named)), shares.T, shading="nearest", cmap="Blues", vmin=0.0)
        shown = np.unique(np.linspace(0, len(named) - 1, min(8, len(named))).round().astype(int))
        axis.set_yticks(shown, [named[place] for place in shown])
        axis.set_ylabel("task" if space.bare else name)


def _thinned(x: NDArray[Any], rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    parts = np.array_split(np.arange(len(x)), min(len(x), COLUMNS))
    return np.array([x[part].mean() for part in parts]), np.array([rows[part].mean(axis=0) for part in parts])


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")


def _save(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    return path
