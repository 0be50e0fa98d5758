"""The run folder's `episodes.jsonl`: return and length of every episode, a line for each iteration that had any."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlexp.base.events import Record
from rlexp.storage.runs.metrics_file import MetricsFile

EpisodeValues = Mapping[str, tuple[Sequence[float], Sequence[int]]]
"""Of `train` and `eval`, each where there were episodes: returns and lengths, in one order."""


class EpisodesFile(MetricsFile):
    """As `MetricsFile`: steps strictly increase over all resumes, and a torn line is left out when it is read.

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
