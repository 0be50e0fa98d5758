"""A run's curriculum in its folder: `curriculum.json` and a plot, kept up with each checkpoint."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from rlexp.base.events import Record, RunInfo
from rlexp.base.files.atomic import write_json
from rlexp.curriculum.curriculum import Curriculum
from rlexp.terminal.quiet import terminal

_log = logging.getLogger(__name__)
FILE, PLOT = "curriculum.json", "curriculum.svg"


class CurriculumRecord:
    """A listener of the run (see `rlexp.base.events`)."""

    def __init__(self, curriculum: Curriculum) -> None:
        self._curriculum = curriculum
        self._folder: Path | None = None
        self._warned = False

    def on_run_start(self, run: RunInfo) -> None:
        """Remembers where."""
        self._folder = run.folder

    def on_record(self, record: Record) -> None:
        """Logs promotions, demotions and alarms as they happen."""
        for event in self._curriculum.new_events:
            text = f"curriculum: {event} (at {record['env_steps']:,} env steps)"
            if event in self._curriculum.alarms.new:
                _log.warning("%s", text)
            else:  # How a curriculum goes; it is written whatever `log_level` says.
                terminal().note(text)

    def on_checkpoint(self, path: Path, record: Record) -> None:
        """Writes both files."""
        self._write()

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None:
        """Writes both files a last time."""
        self._write()

    def _write(self) -> None:
        entries = self._curriculum.history.entries
        if self._folder is None or not entries:
            return
        write_json(self._folder / FILE, {"entries": entries})
        try:
            from rlexp.curriculum.plot import plot_run

            plot_run(self._curriculum.space, entries, self._folder / PLOT)
        except (
            Exception
        ) as error:  # Matplotlib, its fonts or its memory: a picture is no reason to lose a run.
            if not self._warned:
                _log.warning("%s was not drawn: %s: %s", PLOT, type(error).__name__, error)
            self._warned = True
