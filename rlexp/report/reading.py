"""Runs as they lie on disk, also those that are running or were broken off."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlexp.base.errors import ConfigError
from rlexp.base.events import is_finite_number
from rlexp.base.files import json_records
from rlexp.base.headline_metrics import WALL_S
from rlexp.base.yaml.reader import RunLoader, read_mapping
from rlexp.storage.runs.metrics_file import read_damaged
from rlexp.storage.runs.run_folder import RunFolder, is_run_folder

Floats = NDArray[np.float64]
STEPS, WALL = "env_steps", WALL_S
KINDS = {"packages": Mapping, "choices": Mapping, "overrides": list}
"""What fields of a manifest hold that a report reads into."""
GROUPS = (
    "env",
    "algorithm",
    "model",
    "exploration",
    "hardware",
    "evaluation",
    "curriculum",
    "stop",
    "checkpoint",
)
"""Fields of a config that a report reads into; each holds settings."""


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        path: its folder.
        config: `config.yaml`, plain.
        manifest: `manifest.json`.
        summary: `summary.json`; empty for a run that has not ended.
        rows: the lines of `metrics.jsonl` that are complete.
        damaged: what of its records could not be read and is left out, a line each.
    """

    path: Path
    config: Mapping[str, Any]
    manifest: Mapping[str, Any]
    summary: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = ()
    damaged: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The folder's name, which is the run's."""
        return self.path.name

    @property
    def seed(self) -> int:
        """The run's seed."""
        seed = self.config.get("seed", 0)
        return int(seed) if is_finite_number(seed) else 0

    def has(self, metric: str) -> bool:
        """Whether some row has the metric."""
        return any(is_finite_number(row.get(metric)) for row in self.rows)

    def curve(self, metric: str, along: str = STEPS) -> tuple[Floats, Floats]:
        """[K] values of `along` and [K] of the metric, from the rows that have both."""
        points = [
            (row[along], row[metric])
            for row in self.rows
            if is_finite_number(row.get(metric)) and is_finite_number(row.get(along))
        ]
        pairs = np.array(points, np.float64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def last(self, metric: str) -> float:
        """The last logged value; NaN where there is none."""
        values = self.curve(metric)[1]
        return float(values[-1]) if len(values) else math.nan

    def total(self, metric: str) -> float:
        """The sum of a metric over the rows."""
        return float(sum(row[metric] for row in self.rows if is_finite_number(row.get(metric))))


def read_all(paths: Iterable[Path]) -> tuple[list[Run], list[str]]:
    """The runs in some folders: each a run's own, or one below which runs lie; none twice, by their start.

    Returns:
        The runs, and a line on each record that is damaged; a run without a config or manifest is left out.

    Raises:
        ConfigError: a path is not there, or no run lies in it, or none whose records can be read.
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
    runs, damaged = [], []
    for folder in folders:
        try:
            runs.append(read(folder))
        except ConfigError as error:
            damaged.append(f"{' '.join(str(error).split())}; the run is left out")
    if not runs:
        raise ConfigError("\n".join(["no run can be read:", *damaged]))
    damaged += [line for run in runs for line in run.damaged]
    return sorted(runs, key=lambda run: (str(run.manifest.get("start", "")), run.name)), damaged


def read(path: Path) -> Run:
    """The run in `path`.

    Raises:
        ConfigError: its config or manifest cannot be read, or holds something else.
    """
    folder, damaged = RunFolder.for_reading(path), []
    config, manifest = _config(folder.config), folder.read_manifest()
    for name, kind in KINDS.items():
        if not isinstance(manifest.get(name), (kind, type(None))):
            damaged.append(f"{folder.manifest}: {name} is {manifest.pop(name)!r:.60}, and is left out")
    for name in [name for name, value in config.items() if name in GROUPS and not isinstance(value, Mapping)]:
        if config[name] is not None:
            damaged.append(f"{folder.config}: {name} is {config[name]!r:.60}, and is left out")
        del config[name]
    summary: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    try:
        summary = _summary(folder.summary, damaged)
    except ConfigError as error:
        damaged.append(f"{error}; it is left out")
    try:
        rows = _rows(folder.metrics, damaged)
    except ConfigError as error:
        damaged.append(f"{error}; it is left out")
    return Run(path, config, manifest, summary, rows, damaged)


def _folders(path: Path) -> list[Path]:
    if is_run_folder(path):
        return [path]
    configs = sorted(file for file in path.rglob("config.yaml") if not _hidden(file.relative_to(path)))
    return [config.parent for config in configs if is_run_folder(config.parent)]


def _hidden(file: Path) -> bool:
    """True where the file is none of the run's records: a run that is being replaced is kept in a hidden folder."""
    return any(part.startswith(".") for part in file.parts)


def _config(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    found = read_mapping(path, origin=f"{path} cannot be read", interpolations="unread", loader=RunLoader)
    return {str(name): value for name, value in found.items()}


def _summary(path: Path, damaged: list[str]) -> dict[str, Any]:
    """Reads `summary.json`, without figures that are no numbers."""
    found = json_records.read_object(path) if path.exists() else {}
    not_numbers = [
        name
        for name, value in found.items()
        if name.endswith(("_mean", "_rate")) and not _is_number_or_none(value)
    ]
    damaged += [f"{path}: {name} is {found.pop(name)!r:.60}, and is left out" for name in not_numbers]
    return found


def _rows(path: Path, damaged: list[str]) -> list[dict[str, Any]]:
    found, damaged_count = read_damaged(path)
    if damaged_count:
        damaged.append(f"{path}: {damaged_count} of its lines are damaged, and are left out")
    return found


def _is_number_or_none(value: Any) -> bool:
    """None and NaN stand for a figure that is missing."""
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
