"""The trials of a sweep as they were frozen: a line each of `trials.jsonl`, with the trial's full config."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.files import json_records
from rlexp.base.files.record_names import is_plain
from rlexp.config import saved_config
from rlexp.config.convert import to_plain, to_run_config
from rlexp.config.schema import RunConfig
from rlexp.run.checks import check
from rlexp.storage.signed_files import write_signed
from rlexp.sweep.trials.trial import Trial


@dataclass(frozen=True)
class FrozenTrial:
    """A trial as it was frozen."""

    name: str
    overrides: tuple[str, ...]
    varied: Mapping[str, str]
    config: RunConfig


class FrozenTrials:
    """The file of the frozen trials.

    Args:
        file: where it lies, or will.
        runs_dir: of the trials; may be another than when they were frozen.
    """

    def __init__(self, file: Path, runs_dir: str) -> None:
        self._file, self._runs_dir = file, runs_dir

    def write(self, trials: Sequence[Trial]) -> None:
        """Freezes a sweep's trials.

        Raises:
            OSError: it cannot be written.
        """
        write_signed(self._file, "".join(f"{self._line(trial)}\n" for trial in trials))

    def add(self, trials: Sequence[Trial]) -> list[FrozenTrial]:
        """Freezes more trials; returns them."""
        before = b"".join(json_records.lines(self._file)).decode("utf-8")
        lines = [self._line(trial) for trial in trials]
        write_signed(self._file, before + "".join(f"{line}\n" for line in lines))
        return [self._parse(line, number) for number, line in enumerate(lines, start=1)]

    def all(self, overrides: Sequence[str] = ()) -> list[FrozenTrial]:
        """The trials as they were frozen, with `overrides` on top; their folders are where the sweep lies now.

        Raises:
            ConfigError: the file is damaged, or an override is refused: also one that no trial which has begun could
                follow.
        """
        changes = _changes(overrides)
        return [
            _with_changes(self._parse(line, number), changes, resumed=True) for number, line in self._lines()
        ]

    def plain(self) -> Iterator[dict[str, Any]]:
        """The trials' configs as they stand in the file, of whoever wrote it; nothing in them is judged yet.

        Raises:
            ConfigError: the file is damaged.
        """
        for number, line in self._lines():
            try:
                record = json_records.parse(line)
                yield {**record["config"], "name": record["name"], "runs_dir": self._runs_dir}
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError(f"{self._file}, line {number}, is damaged: {_reason(error)}") from error

    def one(self, name: str, overrides: Sequence[str] = ()) -> FrozenTrial:
        """One trial as it was frozen, with `overrides` on top.

        Raises:
            ConfigError: there is none, the file is damaged, or an override is refused.
        """
        begin = json.dumps({"name": name})[:-1].encode()  # As each line begins: the others need not be read.
        for number, line in self._lines():
            if line.startswith(begin):
                return _with_changes(self._parse(line, number), _changes(overrides))
        raise ConfigError(f"{self._file} has no trial {name}")

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        yield from enumerate(json_records.lines(self._file), start=1)

    def _line(self, trial: Trial) -> str:
        config = dataclasses.replace(trial.config, name=trial.name, runs_dir=self._runs_dir)
        return json.dumps(
            {
                "name": trial.name,
                "overrides": list(trial.overrides),
                "varied": dict(trial.varied),
                "choices": config.choices,
                "config": to_plain(config),
            }
        )

    def _parse(self, line: bytes | str, number: int) -> FrozenTrial:
        try:
            record: dict[str, Any] = json_records.parse(line)
            if not is_plain(record["name"]):
                raise ValueError(f"{record['name']!r} is no trial's name")
            plain = {**record["config"], "name": record["name"], "runs_dir": self._runs_dir}
            config = to_run_config(plain, record["choices"])
            return FrozenTrial(record["name"], tuple(record["overrides"]), record["varied"], config)
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{self._file}, line {number}, is damaged: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not UTF-8 text"
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def _changes(overrides: Sequence[str]) -> saved_config.Changes | None:
    return saved_config.Changes(overrides) if overrides else None


def _with_changes(
    trial: FrozenTrial, changes: saved_config.Changes | None, *, resumed: bool = False
) -> FrozenTrial:
    if changes is None:
        return trial
    before = to_plain(trial.config)
    after = saved_config.trusting(changes.on(before), changes.overrides, own=False)
    if resumed:
        saved_config.refuse_frozen(before, after)
    config = check(saved_config.composed(after, trial.config.choices))
    return dataclasses.replace(trial, config=config)
