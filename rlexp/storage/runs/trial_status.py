"""A trial's status, read from its own folder: the sweep's `sweep.json` may be older than the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.headline_metrics import WALL_S, return_metric
from rlexp.storage.runs import metrics_file
from rlexp.storage.runs.run_folder import RunFolder

OVER = ("done", "pruned", "failed")
"""Statuses of trials that will not go on by themselves."""


@dataclass(frozen=True)
class TrialStatus:
    """One trial.

    Attributes:
        status: `waiting`, `running`, `stopped`, `failed` or `done`.
        score: last value of the metric; None where it was never logged.
        env_steps: so far.
        wall_s: of training.
        error: what went wrong, the last time.
    """

    status: str = "waiting"
    score: float | None = None
    env_steps: int = 0
    wall_s: float = 0.0
    error: str | None = None


def trial_status(run: RunFolder | None, metric: str, error: str | None = None) -> TrialStatus:
    """The trial in a run's folder; one whose process was killed counts as stopped.

    Args:
        run: its folder; None for one that has not begun.
        metric: its name.
        error: why it could not begin or go on.
    """
    if run is None:
        return TrialStatus("waiting" if error is None else "failed", error=error)
    try:
        manifest = run.read_manifest()
    except ConfigError:
        manifest = {}
    status = str(manifest.get("status", "stopped"))
    rows = _rows(run)
    scores = [value for row in rows if (value := _score(row, metric)) is not None]
    last = rows[-1] if rows else {}
    return TrialStatus(
        "stopped" if status == "running" else status,
        scores[-1] if scores else None,
        int(_score(last, "env_steps") or 0),
        _score(last, WALL_S) or 0.0,
        str(manifest.get("reason", error)) if status == "failed" else error,
    )


def history(run: RunFolder | None, metric: str) -> list[tuple[int, float]]:
    """Env steps and score, from each line of a run that has one."""
    rows = _rows(run) if run is not None else []
    rows_with_score = [(int(_score(row, "env_steps") or 0), _score(row, metric)) for row in rows]
    return [(env_steps, score) for env_steps, score in rows_with_score if score is not None]


def logged(run: RunFolder | None) -> list[str]:
    """Names of the metrics in any line of a run."""
    rows = _rows(run) if run is not None else []
    return list(dict.fromkeys(name for row in rows for name in row if _score(row, name) is not None))


def metric_of(metric: str, evaluates: bool) -> str:
    """The name that `auto` stands for."""
    return metric if metric != "auto" else return_metric(evaluates)


def _score(row: dict[str, Any], metric: str) -> float | None:
    value = row.get(metric)
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _rows(run: RunFolder) -> list[dict[str, Any]]:
    try:
        return metrics_file.read(run.metrics)
    except ConfigError:  # Damaged: the trial has recorded nothing.
        return []
