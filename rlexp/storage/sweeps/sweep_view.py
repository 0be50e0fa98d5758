"""A sweep's folder for reading: what was planned, and how far it has come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.files.json_records import read_object
from rlexp.storage.buckets.places import address
from rlexp.storage.sweeps.record_shapes import flaw_of_plan, is_state

PLAN, FROZEN, STATE, TRIALS = "plan.json", "trials.jsonl", "sweep.json", "trials"


def is_sweep(path: Path | str) -> bool:
    """Whether `path` is a sweep's folder."""
    return (Path(path) / PLAN).is_file() and (Path(path) / FROZEN).is_file()


class SweepView:
    """The records in a sweep's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def place(self) -> str:
        """Where the sweep lies, for people and other machines: the folder's path, or its address in a bucket."""
        return address(self.path)

    @property
    def trials(self) -> Path:
        """Folder of the trials' folders."""
        return self.path / TRIALS

    def plan(self) -> dict[str, Any]:
        """`plan.json`.

        Raises:
            ConfigError: it is damaged.
        """
        plan = read_object(self.path / PLAN)
        if flaw := flaw_of_plan(plan):
            raise ConfigError(f"{self.path / PLAN} is damaged: {flaw}")
        return plan

    def state(self) -> dict[str, Any]:
        """`sweep.json`; without any trial where it is damaged or gone: their own folders say how they stand.

        Raises:
            ConfigError: `plan.json` is damaged, too.
        """
        plan = self.plan()
        state = self._state
        if state is None or len(state["trials"]) % plan["settings"]["seeds"]:
            state = {"status": "stopped", "trials": {}}
        return {**state, **{key: plan[key] for key in ("name", "command", "start", "settings")}}

    @property
    def damaged(self) -> bool:
        """Whether `sweep.json` cannot be read."""
        return self._state is None

    @property
    def _state(self) -> dict[str, Any] | None:
        try:
            state = read_object(self.path / STATE)
        except ConfigError:
            return None
        return state if is_state(state) else None
