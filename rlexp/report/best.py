"""Which of a report's runs are the ones to take, and how to have them again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.config.rerun import command
from rlexp.report.analysis.arms import env_of
from rlexp.report.reading import Run
from rlexp.report.selection import Aim
from rlexp.storage.runs import ranking
from rlexp.storage.sweeps.sweep_view import SweepView, is_sweep


def bests_of(paths: Sequence[Path], runs: Sequence[Run], aim: Aim) -> list[dict[str, Any]]:
    """The best run of each environment, as scores of different ones cannot be compared; by environment.

    Of a sweep it is its own best trial, which is one of its best point's seeds; else the run of the best score.

    Args:
        paths: of the report.
        runs: in them.
        aim: what they are compared by.
    """
    by_env: dict[str, list[Run]] = {}
    for run in runs:
        if run.has(aim.metric):
            by_env.setdefault(env_of(run), []).append(run)
    own = _of_sweep(paths, aim)
    return [_told(env, _best(group, own, aim), aim, several=len(by_env) > 1) for env, group in by_env.items()]


def _best(runs: Sequence[Run], own: Sequence[Path], aim: Aim) -> Run:
    of_sweep = next((run for run in runs if run.path in own), None)
    return of_sweep or max(runs, key=lambda run: aim.sign * run.last(aim.metric))


def _told(env: str, run: Run, aim: Aim, *, several: bool) -> dict[str, Any]:
    return {
        "metric": aim.metric,
        "env": env if several else None,
        "name": run.name,
        "score": run.last(aim.metric),
        "command": command(run.path),
    }


def _of_sweep(paths: Sequence[Path], aim: Aim) -> list[Path]:
    """Folders of the best trials of the only path, a sweep's that ranks by the same metric the same way."""
    if len(paths) != 1 or not is_sweep(paths[0]):
        return []
    folder = SweepView(paths[0])
    with suppress(ConfigError):  # Damaged: the runs themselves still tell.
        state = folder.state()
        if state.get("metric") == aim.metric and (state["settings"]["mode"] == "min") == aim.lower:
            return [folder.trials / name for name in ranking.bests(state).values()]
    return []
