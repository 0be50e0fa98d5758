"""What a sweep's records must look like to be read further: they may be damaged, or a stranger's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rlexp.base.files.record_names import is_plain
from rlexp.storage.runs.seeds import AGGREGATES

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
    return None


def is_state(state: object) -> bool:
    """Whether it can be what `sweep.json` holds: how each trial stands, by its name."""
    trials = state.get("trials") if isinstance(state, dict) else None
    return isinstance(trials, dict) and all(is_plain(name) and _is_trial(t) for name, t in trials.items())


def _is_trial(trial: object) -> bool:
    return (
        isinstance(trial, dict)
        and isinstance(trial.get("status"), str)
        and (trial.get("score") is None or _is_number(trial["score"]))
        and _is_number(trial.get("env_steps", 0))
        and isinstance(trial.get("varied", {}), dict)
        and isinstance(trial.get("env", ""), str)
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
