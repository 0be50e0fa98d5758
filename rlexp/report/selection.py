"""What runs are compared by, and which way it is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlexp.base.errors import ConfigError
from rlexp.report.reading import Run
from rlexp.storage.runs.trial_status import SCORES
from rlexp.storage.sweeps.sweep_view import SweepView, is_sweep


@dataclass(frozen=True)
class Aim:
    """A metric, and whether less of it is better."""

    metric: str
    lower: bool = False

    @property
    def sign(self) -> float:
        """Times this, more is better."""
        return -1.0 if self.lower else 1.0


def aim_of(
    paths: Sequence[Path], runs: Sequence[Run], metrics: Sequence[str], mode: str | None = None
) -> Aim | None:
    """What was asked for, or the paths' sweeps, else the runs' return; None where they have none in common.

    Args:
        paths: of the report.
        runs: in them.
        metrics: as asked for; the first counts.
        mode: `max` or `min`, as asked for; None: as the sweeps have it for their own metric, else `max`.
    """
    aim = _aim_of(paths, runs, metrics)
    return aim if aim is None or mode is None else Aim(aim.metric, mode == "min")


def _aim_of(paths: Sequence[Path], runs: Sequence[Run], metrics: Sequence[str]) -> Aim | None:
    own = _of_sweeps(paths)
    if metrics:
        return own if own is not None and own.metric == metrics[0] else Aim(metrics[0])
    if own is not None and any(run.has(own.metric) for run in runs):
        return own
    told = [run for run in runs if run.rows and run.summary] or [run for run in runs if run.rows]
    name = next((name for name in SCORES if told and all(run.has(name) for run in told)), None)
    return None if name is None else Aim(name)


def _of_sweeps(paths: Sequence[Path]) -> Aim | None:
    """Of sweeps that agree; None where something else is among the paths."""
    if not all(map(is_sweep, paths)):
        return None
    try:
        states = [SweepView(path).state() for path in paths]
    except ConfigError:  # What the trials' own folders say is still worth a report.
        return None
    aims = {(state.get("metric"), state["settings"]["mode"]) for state in states}
    metric, mode = next(iter(aims))
    return Aim(str(metric), mode == "min") if len(aims) == 1 and metric else None
