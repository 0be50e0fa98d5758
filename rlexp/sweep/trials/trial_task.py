"""What the sweep's process sends to a trial's process, and the names of what comes back; nothing here needs RLlib."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEDULER = "sweep.scheduler"
"""Where the scheduler is chosen."""
SCORE, TIME, SHARE = "score", "env_steps", "share"
"""What trials report: score, env steps, the share of the budget in units of hyperband's first rung."""
VALUES = "values"
"""In a trial's Tune config: the values that a population changes."""
ENDED = "ended"
"""Whether the run is over by its own rules; Tune says `done` of what it has stopped, too."""


@dataclass(frozen=True)
class TrialTask:
    """What a process needs to know to run a trial.

    Attributes:
        sweep: the sweep's folder.
        trial: its name.
        metric: what trials are compared by.
        overrides: changes that were asked for when the sweep was resumed.
        command: the command line, for the manifest.
        report_s: seconds that are trained between two reports, at least; schedulers want one after each iteration.
        values: what a scheduler has changed since the trial was planned, by key.
        compare_at: env steps, rising, at which a scheduler needs a score.
        seals: stands for the sweep's key, see `rlexp.sweep.execution.sealing_key_lending`.
    """

    sweep: str
    trial: str
    metric: str
    overrides: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    report_s: float = 0.0
    values: Mapping[str, Any] = field(default_factory=dict)
    compare_at: tuple[int, ...] = ()
    seals: str = ""

    @property
    def changes(self) -> list[str]:
        """All that differs from what was planned, as overrides."""
        return [*self.overrides, *(f"{key}={value}" for key, value in self.values.items())]
