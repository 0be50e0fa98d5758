"""Which of a report's runs is the one to take, and how to have it again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rlexp.config.rerun import command
from rlexp.errors import ConfigError
from rlexp.report.aim import Aim
from rlexp.report.reading import Run
from rlexp.sweep import ranking
from rlexp.sweep.folder import SweepFolder, is_sweep


def best_of(paths: Sequence[Path], runs: Sequence[Run], aim: Aim) -> dict[str, Any] | None:
    """The best run: a sweep's own best trial, which is one of its best point's seeds; else the one of the best score.

    Args:
        paths: of the report.
        runs: in them.
        aim: what they are compared by.
    """
    told = {run.path: run for run in runs if run.has(aim.metric)}
    if not told:
        return None
    best = told.get(_of_sweep(paths, aim) or Path()) or max(
        told.values(), key=lambda run: aim.sign * run.last(aim.metric)
    )
    score = best.last(aim.metric)
    return {"metric": aim.metric, "name": best.name, "score": score, "command": command(best.path)}


def _of_sweep(paths: Sequence[Path], aim: Aim) -> Path | None:
    """The folder of the best trial of the only path, a sweep's that ranks by the same metric; else null."""
    if len(paths) != 1 or not is_sweep(paths[0]):
        return None
    folder = SweepFolder(paths[0])
    with suppress(ConfigError):  # Damaged: the runs themselves still tell.
        state = folder.state()
        name = ranking.best(state) if state.get("metric") == aim.metric else None
        return folder.trials / name if name is not None else None
    return None
