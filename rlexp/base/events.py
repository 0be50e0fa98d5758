"""What happens to a run, and who may listen: trackers and the run hooks of callbacks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeGuard

Record = dict[str, float | int | str | bool]
"""One training iteration under flat metric names, e.g. `train/return_mean`; always has `env_steps`, `iteration`."""


def is_finite_number(value: object) -> TypeGuard[float]:
    """Whether a value of a record, or of a file like it, is a finite number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True)
class RunInfo:
    """A run that is about to train.

    Attributes:
        folder: the run's folder.
        run_id: unique, kept over resumes; safe as a W&B id.
        config: the resolved config as plain values.
        stop: the stop rules as plain values (`env_steps` is the budget for progress displays).
        resumed_at: env steps already done when this process took over; 0 for a fresh run.
        group: the sweep this run is a trial of, if any.
    """

    folder: Path
    name: str
    run_id: str
    config: dict[str, Any]
    stop: dict[str, Any] = field(default_factory=dict)
    resumed_at: int = 0
    group: str | None = None


class RunListener(Protocol):
    """Called as a run goes on, in the driver process, in this order. An error in one is the run's error."""

    def on_run_start(self, run: RunInfo) -> None:
        """Before the first iteration."""

    def on_record(self, record: Record) -> None:
        """After each iteration, evaluation metrics included where one ran."""

    def on_checkpoint(self, path: Path, record: Record) -> None:
        """After a checkpoint has been sealed at `path`."""

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None:
        """Last; `status` is `done`, `stopped` or `failed`. Called even after a failure."""


class QuietListener:
    """A `RunListener` that does nothing; to derive from, with the methods that matter."""

    def on_run_start(self, run: RunInfo) -> None:
        """See `RunListener`."""

    def on_record(self, record: Record) -> None:
        """See `RunListener`."""

    def on_checkpoint(self, path: Path, record: Record) -> None:
        """See `RunListener`."""

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None:
        """See `RunListener`."""
