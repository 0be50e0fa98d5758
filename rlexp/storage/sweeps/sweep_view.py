"""A sweep's folder for reading: what was planned, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.events import is_finite_number
from rlexp.base.files.json_records import read_object
from rlexp.base.files.record_names import is_plain
from rlexp.storage.buckets.local_copies import address
from rlexp.storage.sweeps.seed_groups import AGGREGATES

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


_PLAN = {"name": str, "command": str, "start": str, "settings": dict, "asked": dict, "seals": str}


def flaw_of_plan(plan: Mapping[str, Any]) -> str | None:
    """What is wrong with `plan.json`, in a few words; None if nothing."""
    for name, kind in _PLAN.items():
        if not isinstance(plan.get(name), kind):
            return f"{name} is {plan.get(name)!r:.60}"
    settings = plan["settings"]
    if not _is_count(settings.get("seeds")) or settings["seeds"] < 1:
        return f"settings.seeds is {settings.get('seeds')!r:.60}"
    if settings.get("mode") not in ("max", "min") or settings.get("aggregate") not in AGGREGATES:
        return f"settings are {settings!r:.60}"
    if not isinstance(settings.get("scheduler", {}), dict):
        return f"settings.scheduler is {settings['scheduler']!r:.60}"
    return None


def is_state(state: object) -> bool:
    """Whether it can be what `sweep.json` holds: how each trial stands, by its name."""
    trials = state.get("trials") if isinstance(state, dict) else None
    return isinstance(trials, dict) and all(is_plain(name) and _is_trial(t) for name, t in trials.items())


def _is_trial(trial: object) -> bool:
    return (
        isinstance(trial, dict)
        and isinstance(trial.get("status"), str)
        and (trial.get("score") is None or is_finite_number(trial["score"]))
        and is_finite_number(trial.get("env_steps", 0))
        and isinstance(trial.get("varied", {}), dict)
        and isinstance(trial.get("env", ""), str)
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
