"""The run folder's own `metrics.jsonl`: a line of JSON per iteration, `NaN` as Python's json writes it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from rlexp.base.errors import RunFailedError
from rlexp.base.events import Record, RunInfo
from rlexp.base.files.atomic import write_parts
from rlexp.base.files.json_records import lines, row
from rlexp.base.files.links import open_to_append


class MetricsFile:
    """Writes each record to `path` at once; steps in the file strictly increase, over all resumes.

    Args:
        path: the file; on resume its earlier lines stay.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._file: IO[str] | None = None

    def on_run_start(self, run: RunInfo) -> None:
        """Opens the file; drops what was written after the checkpoint that the run continues from."""
        if self.path.exists():
            size = sum(len(line) for line, _ in whole_lines(self.path, up_to=run.resumed_at))
            if size != self.path.stat().st_size:
                write_parts(self.path, (line for line, _ in whole_lines(self.path, up_to=run.resumed_at)))
        self._file = os.fdopen(open_to_append(self.path), "a", encoding="utf-8")

    def on_record(self, record: Record) -> None:
        """Appends the record as one line, safe against the process being killed."""
        if self._file is None:
            raise RuntimeError("on_run_start has not been called")
        try:
            self._file.write(json.dumps(record) + "\n")
            self._file.flush()
        except OSError as error:
            raise RunFailedError(
                f"{self.path} could not be written: {os.strerror(error.errno or 0)}"
            ) from error

    def on_checkpoint(self, path: Path, record: Record) -> None:
        """Makes the lines so far outlive a crash of the machine, as the checkpoint does."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def whole_lines(path: Path, up_to: int | None = None) -> Iterator[tuple[bytes, Record]]:
    """The lines of a metrics file with their records: whole, in order of strictly increasing steps.

    A line that was torn by a kill is left out.

    Args:
        path: the file.
        up_to: leave out records with more env steps than this.

    Raises:
        ConfigError: the file cannot be read, or has a line that is too long for a record.
    """
    last = -1
    for raw in lines(path):
        record = _parse(raw)
        if (
            record is None
            or not last < record["env_steps"]
            or (up_to is not None and record["env_steps"] > up_to)
        ):
            continue
        last = int(record["env_steps"])
        yield raw, record


def read(path: Path) -> list[Record]:
    """All records of a metrics file, in order."""
    return [record for _, record in whole_lines(path)]


def _parse(raw: bytes) -> dict[str, Any] | None:
    """The record of a line; None for a torn or foreign one."""
    if not raw.endswith(b"\n"):
        return None
    record = row(raw)
    return record if record is not None and isinstance(record.get("env_steps"), int) else None
