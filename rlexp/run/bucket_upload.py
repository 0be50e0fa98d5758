"""A run in a store: what it writes is brought there while it trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlexp.base.events import Record, RunInfo
from rlexp.storage.buckets.sync import StoreSync


class Kept:
    """Has the run's folder brought to the store after each checkpoint; training does not wait for it."""

    def __init__(self, keeper: StoreSync) -> None:
        self._keeper = keeper

    def on_run_start(self, run: RunInfo) -> None:
        """Config and manifest are whole."""
        self._keeper.soon()

    def on_record(self, record: Record) -> None:
        """Ends the run where another process has gone on with it."""
        self._keeper.check()

    def on_checkpoint(self, path: Path, record: Record) -> None:
        """What a process elsewhere could go on from."""
        self._keeper.soon()

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None:
        """Nothing: the last state is brought once all others have closed."""
