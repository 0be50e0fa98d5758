"""Runs as they lie on disk, also those that are running or were broken off."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlexp.config.yaml_reader import RunLoader, read_mapping
from rlexp.errors import ConfigError
from rlexp.run.folder import RunFolder, is_run_folder

Floats = NDArray[np.float64]
STEPS, WALL = "env_steps", "perf/wall_s"


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        path: its folder.
        config: `config.yaml`, plain.
        manifest: `manifest.json`.
        summary: `summary.json`; empty for a run that has not ended.
        rows: the lines of `metrics.jsonl` that are whole.
    """

    path: Path
    config: Mapping[str, Any]
    manifest: Mapping[str, Any]
    summary: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = ()

    @property
    def name(self) -> str:
        """The folder's name, which is the run's."""
        return self.path.name

    @property
    def seed(self) -> int:
        """Of the run."""
        return int(self.config.get("seed", 0))

    def has(self, metric: str) -> bool:
        """Whether some row tells the metric."""
        return any(_is_number(row.get(metric)) for row in self.rows)

    def curve(self, metric: str, along: str = STEPS) -> tuple[Floats, Floats]:
        """[K] values of `along` and [K] of the metric, where both were told."""
        told = [
            (row[along], row[metric])
            for row in self.rows
            if _is_number(row.get(metric)) and _is_number(row.get(along))
        ]
        pairs = np.array(told, np.float64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def last(self, metric: str) -> float:
        """The last value that was told; NaN where there is none."""
        values = self.curve(metric)[1]
        return float(values[-1]) if len(values) else math.nan

    def total(self, metric: str) -> float:
        """Sum over the rows."""
        return float(sum(row[metric] for row in self.rows if _is_number(row.get(metric))))


def read_all(paths: Iterable[Path]) -> list[Run]:
    """The runs in some folders: each a run's own, or one below which runs lie; none twice, by their start.

    Raises:
        ConfigError: a path is not there, or no run lies in it, or a run's records cannot be read.
    """
    folders: dict[Path, None] = {}
    for path in paths:
        found = _folders(path)
        if not found:
            raise ConfigError(
                f"{path} holds no run" if path.exists() else f"there is no {path}",
                fix="the folder that a run printed at its end, or one above several, such as runs",
            )
        folders |= dict.fromkeys(folder.resolve() for folder in found)
    return sorted(map(read, folders), key=lambda run: (str(run.manifest.get("start", "")), run.name))


def read(path: Path) -> Run:
    """The run in `path`.

    Raises:
        ConfigError: its config or manifest cannot be read.
    """
    folder = RunFolder.look(path)
    origin = f"{folder.config} cannot be read"
    config = read_mapping(folder.config, origin=origin, loader=RunLoader) if folder.config.exists() else {}
    summary = _json(folder.summary.read_text(encoding="utf-8")) if folder.summary.exists() else {}
    return Run(path, config, folder.read_manifest(), summary or {}, _rows(folder.metrics))


def _folders(path: Path) -> list[Path]:
    if is_run_folder(path):
        return [path]
    found = sorted(file for file in path.rglob("config.yaml") if not _hidden(file.relative_to(path)))
    return [config.parent for config in found if is_run_folder(config.parent)]


def _hidden(file: Path) -> bool:
    """Whether it is none of the run's records: a run that is being replaced is kept in a hidden folder."""
    return any(part.startswith(".") for part in file.parts)


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as lines:
        # The last line of a run that was killed may be half a line.
        return [row for line in lines if (row := _json(line)) is not None]


def _json(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
