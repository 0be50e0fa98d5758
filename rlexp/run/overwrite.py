"""A run that `overwrite=true` puts in the place of an earlier one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlexp.base.events import Record, RunInfo
from rlexp.storage.runs.run_folder import RunFolder


class Replacing:
    """Has the earlier run deleted once this one has made a whole iteration.

    Args:
        folder: of both.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    def on_run_start(self, run: RunInfo) -> None:
        """Nothing: it may still fail."""

    def on_record(self, record: Record) -> None:
        """The iteration is over, for the callbacks and trackers too."""
        self._folder.delete_earlier()

    def on_checkpoint(self, path: Path, record: Record) -> None:
        """Nothing."""

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None:
        """Nothing: a run without an iteration gives way as it is closed."""
