"""Runs in the JSON shape of marl-eval (Gorsane et al. 2022), for its tools and for papers that share raw data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlexp.base.headline_metrics import METRIC
from rlexp.report.analysis.arms import Arm
from rlexp.report.reading import WALL, Run


def raw_data(arms: Sequence[Arm], metric: str) -> dict[str, Any]:
    """`{library: {environment: {arm: {run: {step: {step_count, elapsed_time, metric: [value]}}}}}}`.

    A value is the mean over the episodes of one evaluation, so that each list holds one; `absolute_metrics` is the best
    of the run where its summary has it, else the last. Lines without the metric are left out.
    """
    by_library: dict[str, Any] = {}
    for arm in arms:
        for run in arm.runs:
            steps = _steps(run, metric)
            if not steps:
                continue
            library, task = _task(run)
            runs = by_library.setdefault(library, {}).setdefault(task, {}).setdefault(arm.name, {})
            runs[_unused_name(f"seed_{run.seed}", runs)] = {
                **steps,
                "absolute_metrics": {metric: [_best(run, metric)]},
            }
    return by_library


def _steps(run: Run, metric: str) -> dict[str, Any]:
    counts, values = run.curve(metric)
    times = dict(zip(*(axis.tolist() for axis in run.curve(WALL)), strict=True))
    steps: dict[str, Any] = {}
    for number, (count, value) in enumerate(zip(counts.tolist(), values.tolist(), strict=True)):
        elapsed = {"elapsed_time": times[count]} if count in times else {}
        steps[f"step_{number}"] = {"step_count": int(count), **elapsed, metric: [value]}
    return steps


def _task(run: Run) -> tuple[str, str]:
    """The choice of the group `env`, and the environment's id."""
    choice = (run.manifest.get("choices") or {}).get("env") or "env"
    return str(choice), str((run.config.get("env") or {}).get("id") or choice)


def _best(run: Run, metric: str) -> float:
    """What the run's summary says of its best policy, else the last value."""
    summary = METRIC[metric].summary if metric in METRIC else ""
    best = run.summary.get(f"best_{summary}")
    return run.last(metric) if best is None else float(best)


def _unused_name(name: str, used: dict[str, Any]) -> str:
    """Another name where a seed was run twice."""
    number, free = 2, name
    while free in used:
        number, free = number + 1, f"{name}_{number}"
    return free
