"""The run folder's `metrics.jsonl` and `episodes.jsonl`: a line of JSON per iteration, NaN as Python writes it.

Whoever needs its records reads them here: the run that goes on, trackers, reports, sweeps and the closing lines.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from rlexp.base.errors import RunFailedError
from rlexp.base.events import Record, RunInfo
from rlexp.base.files.atomic import write_parts
from rlexp.base.files.json_records import lines, row
from rlexp.base.files.links import open_to_append

NAME = "metrics.jsonl"
"""Of the file in a run's folder."""

EpisodeValues = Mapping[str, tuple[Sequence[float], Sequence[int]]]
"""Of `train` and `eval`, each where there were episodes: returns and lengths, in one order."""


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
            size = sum(len(line) for line, _ in complete_lines(self.path, up_to=run.resumed_at))
            if size != self.path.stat().st_size:
                write_parts(self.path, (line for line, _ in complete_lines(self.path, up_to=run.resumed_at)))
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


class EpisodesFile(MetricsFile):
    """Returns and lengths of every episode, a line for each iteration that had any.

    As `MetricsFile`: steps strictly increase over all resumes, and a torn line is left out when it is read.

    Args:
        path: the file.
        latest: the episodes of the iteration that a record is of.
    """

    def __init__(self, path: Path, latest: Callable[[], EpisodeValues]) -> None:
        super().__init__(path)
        self._latest = latest

    def on_record(self, record: Record) -> None:
        """Appends a line: `env_steps`, `iteration`, and `returns` and `lengths` under `train/` and `eval/`."""
        line: dict[str, Any] = {"env_steps": record["env_steps"], "iteration": record["iteration"]}
        for kind, (returns, lengths) in self._latest().items():
            if returns:
                line |= {f"{kind}/returns": list(returns), f"{kind}/lengths": list(lengths)}
        if len(line) > 2:
            super().on_record(line)


def complete_lines(path: Path, up_to: int | None = None) -> Iterator[tuple[bytes, Record]]:
    """The lines of a metrics file with their records: complete ones, in order of strictly increasing steps.

    A line that was torn by a kill is left out.

    Args:
        path: the file; one that is not there has no lines.
        up_to: leave out records with more env steps than this.

    Raises:
        ConfigError: the file cannot be read, or has a line that is too long for a record.
    """
    for raw, record in _scan(path):
        if record is not None and (up_to is None or record["env_steps"] <= up_to):
            yield raw, record


def read(path: Path) -> list[Record]:
    """All records of a metrics file, in order; raises what `complete_lines` raises."""
    return [record for _, record in complete_lines(path)]


def read_damaged(path: Path) -> tuple[list[Record], int]:
    """All records of a metrics file, and how many of its lines are none; raises what `complete_lines` raises.

    The last line counts as no damage: of a run that was killed it may be half a line.
    """
    found = [record for _, record in _scan(path)]
    return [record for record in found if record is not None], sum(record is None for record in found[:-1])


def last_env_steps(path: Path) -> int:
    """Env steps of the last record; 0 without one. Raises what `complete_lines` raises."""
    last = deque(complete_lines(path), maxlen=1)
    return int(last[0][1]["env_steps"]) if last else 0


def _scan(path: Path) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
    """Each line, with its record where it has one of more env steps than those before."""
    last = -1
    for raw in lines(path) if path.exists() else ():
        record = _parse(raw)
        if record is not None and record["env_steps"] > last:
            last = int(record["env_steps"])
            yield raw, record
        else:
            yield raw, None


def _parse(raw: bytes) -> dict[str, Any] | None:
    """The record of a line; None for a torn or foreign one."""
    if not raw.endswith(b"\n"):
        return None
    record = row(raw)
    return record if record is not None and isinstance(record.get("env_steps"), int) else None
