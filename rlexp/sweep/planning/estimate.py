"""How long a sweep will take: from the speed of earlier runs of the same kind, or of a short one aside."""

from __future__ import annotations

import dataclasses
import math
import statistics
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError, RlexpError
from rlexp.base.files.json_records import read_object
from rlexp.storage.buckets.local_copies import local
from rlexp.sweep.planning.plan import Plan
from rlexp.sweep.trials.composed_points import ComposedPoint
from rlexp.sweep.trials.trial import Trial

START_S, WARM_S = 12.0, 1.0
"""Seconds until the first trial trains, and between two trials in a warm process."""
PROBE_ITERATIONS, PROBE_S = 3, 20.0
"""Of a run aside, at most: an iteration ends there, too."""
GROUPS = ("algorithm", "env", "model")


def seconds(plan: Plan, side_by_side: int) -> tuple[float, str] | None:
    """The sweep's time in all and where the estimate comes from; None for trials without a budget of env steps."""
    kinds = plan.trials or plan.ends
    budgets = [trial.config.stop.env_steps for trial in kinds]
    if None in budgets:
        return None
    before = speeds_below(local(kinds[0].config.runs_dir), local(plan.settings.dir))
    speeds: dict[str, float] = {}
    measured = False
    for trial in kinds:
        kind = _kind_of(trial)
        if kind not in speeds:
            speed = before.get(kind)
            if speed is None:
                measured, speed = True, _measure_speed(trial)
            if speed is None:
                return None
            speeds[kind] = speed
    training = sum((t.config.stop.env_steps or 0) / speeds[_kind_of(t)] + WARM_S for t in kinds)
    training *= plan.count / len(kinds)
    source = "a short run of each kind" if measured else "earlier runs of the same kind"
    return START_S + training / side_by_side, source


def _kind(choices: Mapping[str, Any], overrides: Sequence[str]) -> str:
    """The kind of a run; those of one kind are about as fast. `env.id` and the like say more than the choice `gym`."""
    chosen = [str(choices.get(group)) for group in GROUPS]
    return " ".join([*chosen, *sorted(text for text in overrides if text.startswith("env."))])


def _kind_of(trial: Trial | ComposedPoint) -> str:
    return _kind(trial.config.choices, trial.overrides)


def speeds_below(*roots: Path) -> dict[str, float]:
    """Median steps/s, by the wall, of the runs of each kind that lie below."""
    speeds: dict[str, list[float]] = {}
    for folder in _run_folders(*roots):
        if run_speed := _run_speed(folder):
            speeds.setdefault(run_speed[0], []).append(run_speed[1])
    return {kind: statistics.median(speeds) for kind, speeds in speeds.items()}


def _run_folders(*roots: Path) -> Iterable[Path]:
    for root in roots:
        yield from (path.parent for path in root.glob("*/summary.json"))
        yield from (path.parent for path in root.glob("*/trials/*/summary.json"))


def _run_speed(folder: Path) -> tuple[str, float] | None:
    """A run's kind and steps/s; None where its records do not say."""
    try:
        manifest, summary = read_object(folder / "manifest.json"), read_object(folder / "summary.json")
        kind, speed = _kind(manifest["choices"], manifest["overrides"]), float(summary["sps"])
        usable = math.isfinite(speed) and speed > 0 and summary["iterations"] > 1
        return (kind, speed) if usable else None
    except (ConfigError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _measure_speed(trial: Trial | ComposedPoint) -> float | None:
    """Steps/s of a few iterations in a folder that is thrown away; None where it cannot be trained."""
    from rlexp.run.train import train

    with tempfile.TemporaryDirectory() as folder:
        stop = dataclasses.replace(trial.config.stop, iterations=PROBE_ITERATIONS, wall_s=PROBE_S)
        config = dataclasses.replace(
            trial.config, name="aside", runs_dir=folder, stop=stop, tracking={}, callbacks={}
        )
        try:
            summary = train(config).summary
        except RlexpError:
            return None
    return float(summary.get("sps") or 0.0) or None
