"""Says early when a metric that a setting reads does not come: a run may be long, and its stop rule never hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rlexp.base.events import Record, RunInfo
from rlexp.base.metric_names import TRAIN_RETURN

REPORTS = 10
"""Iterations in which episodes ended after which a metric should have been there once."""
ITERATIONS = 100
"""Iterations after which it should, whatever ended."""


class AwaitedMetrics:
    """A listener of the run.

    Args:
        unseen: the metrics that are waited for, each with the key of the setting; the loop takes out what has come.
        warn: tells the person.
    """

    def __init__(self, unseen: Mapping[str, str], warn: Callable[[str], None]) -> None:
        self._unseen, self._warn = unseen, warn
        self._reports = self._iterations = 0
        self._said = False

    def on_run_start(self, run: RunInfo) -> None:
        """Nothing to do."""

    def on_record(self, record: Record) -> None:
        """Warns once of all that should have come by now."""
        self._iterations += 1
        self._reports += TRAIN_RETURN in record
        missing = {name: key for name, key in self._unseen.items() if name not in record}
        if self._said or not missing or (self._reports < REPORTS and self._iterations < ITERATIONS):
            return
        self._said = True
        for name, key in missing.items():
            self._warn(
                f"{key}: {name} has not been logged in {self._iterations} iterations "
                f"({int(record['env_steps']):,} env steps); what reads it has no effect until it is"
            )

    def on_checkpoint(self, path: Path, record: Record) -> None:
        """Nothing to do."""

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None:
        """Nothing to do."""
