"""The objective that runs are compared by, and the best runs by it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.headline_metrics import RETURNS, mode_of
from rlexp.config.rerun import command
from rlexp.report.analysis.arms import env_of
from rlexp.report.reading import Run
from rlexp.storage.sweeps import trial_ranking
from rlexp.storage.sweeps.sweep_view import SweepView, is_sweep


@dataclass(frozen=True)
class Objective:
    """A metric, and whether less of it is better."""

    metric: str
    lower: bool = False

    @classmethod
    def of(cls, metric: str) -> Objective:
        """The objective with the direction of the table of metrics; more is better of those without a row."""
        return cls(metric, mode_of(metric) == "min")

    @property
    def sign(self) -> float:
        """1 where more is better, else -1."""
        return -1.0 if self.lower else 1.0


def objective_of(
    paths: Sequence[Path], runs: Sequence[Run], metrics: Sequence[str], mode: str | None = None
) -> Objective | None:
    """The objective that was asked for, or the sweeps' own, else the runs' return; None where they have none in common.

    Args:
        paths: of the report.
        runs: in them.
        metrics: as asked for; the first counts.
        mode: `max` or `min`, as asked for; None: as the sweeps have it for their own metric, else what is better of it.
    """
    objective = _objective_of(paths, runs, metrics)
    return objective if objective is None or mode is None else Objective(objective.metric, mode == "min")


def _objective_of(paths: Sequence[Path], runs: Sequence[Run], metrics: Sequence[str]) -> Objective | None:
    sweep_objective = _sweep_objective(paths)
    if metrics:
        return (
            sweep_objective
            if sweep_objective is not None and sweep_objective.metric == metrics[0]
            else Objective.of(metrics[0])
        )
    if sweep_objective is not None and any(run.has(sweep_objective.metric) for run in runs):
        return sweep_objective
    with_rows = [run for run in runs if run.rows and run.summary] or [run for run in runs if run.rows]
    name = next((name for name in RETURNS if with_rows and all(run.has(name) for run in with_rows)), None)
    return None if name is None else Objective.of(name)


def _sweep_objective(paths: Sequence[Path]) -> Objective | None:
    """The objective of sweeps that agree; None where something else is among the paths."""
    if not all(map(is_sweep, paths)):
        return None
    try:
        states = [SweepView(path).state() for path in paths]
    except ConfigError:  # What the trials' own folders say is still worth a report.
        return None
    aims = {(state.get("metric"), state["settings"]["mode"]) for state in states}
    metric, mode = next(iter(aims))
    return Objective(str(metric), mode == "min") if len(aims) == 1 and metric else None


def bests_of(paths: Sequence[Path], runs: Sequence[Run], objective: Objective) -> list[dict[str, Any]]:
    """The best run of each environment, as scores of different ones cannot be compared; by environment.

    Of a sweep it is its own best trial, which is one of its best point's seeds; else the run of the best score.

    Args:
        paths: of the report.
        runs: in them.
        objective: what they are compared by.
    """
    by_env: dict[str, list[Run]] = {}
    for run in runs:
        if run.has(objective.metric):
            by_env.setdefault(env_of(run), []).append(run)
    sweep_bests = _sweep_bests(paths, objective)
    return [
        _best_record(env, _best(group, sweep_bests, objective), objective, several=len(by_env) > 1)
        for env, group in by_env.items()
    ]


def _best(runs: Sequence[Run], sweep_bests: Sequence[Path], objective: Objective) -> Run:
    of_sweep = next((run for run in runs if run.path in sweep_bests), None)
    return of_sweep or max(runs, key=lambda run: objective.sign * run.last(objective.metric))


def _best_record(env: str, run: Run, objective: Objective, *, several: bool) -> dict[str, Any]:
    return {
        "metric": objective.metric,
        "env": env if several else None,
        "name": run.name,
        "score": run.last(objective.metric),
        "command": command(run.path),
    }


def _sweep_bests(paths: Sequence[Path], objective: Objective) -> list[Path]:
    """Folders of the best trials of the only path, a sweep's that ranks by the same metric the same way."""
    if len(paths) != 1 or not is_sweep(paths[0]):
        return []
    folder = SweepView(paths[0])
    with suppress(ConfigError):  # Damaged: the runs themselves are enough.
        state = folder.state()
        if (
            state.get("metric") == objective.metric
            and (state["settings"]["mode"] == "min") == objective.lower
        ):
            return [folder.trials / name for name in trial_ranking.bests(state).values()]
    return []
