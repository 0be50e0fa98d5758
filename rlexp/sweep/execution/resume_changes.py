"""What may be changed when a sweep goes on: how it is run, a longer budget, more trials of a random search."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rlexp.base.errors import ConfigError
from rlexp.config import saved_config
from rlexp.config.composition.override_syntax import value_of
from rlexp.config.convert import to_run_config
from rlexp.config.schema import Stop
from rlexp.run.stopping.stop_rules import StopRules
from rlexp.storage.checkpoint import find_checkpoints
from rlexp.storage.runs.run_folder import RunFolder
from rlexp.sweep.execution.monitor import SweepMonitor
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.planning.plan import plan
from rlexp.sweep.settings import GROUP, SweepSettings, is_setting, to_settings
from rlexp.sweep.trials.environment_trials import try_environments

MAY_CHANGE = ("max_failures", "fail_fast", "concurrency", "wall_s", "trials")


def apply_changes(folder: SweepFolder, overrides: Sequence[str]) -> tuple[SweepSettings, list[str]]:
    """Takes the sweep's own settings among `overrides` into its folder; returns all settings, and the other overrides.

    Raises:
        ConfigError: a setting that cannot be changed any more, or an override that a trial refuses.
    """
    before = folder.settings()
    after = _changed(before, [text for text in overrides if is_setting(text)])
    others = [text for text in overrides if not is_setting(text)]
    if others:
        folder.frozen.all(others)
    if after != before:
        if (after.trials or 0) > (before.trials or 0) and after.search == "random":
            _add_trials(folder, after)
        folder.change(after)
    return after, others


def _changed(settings: SweepSettings, overrides: Sequence[str]) -> SweepSettings:
    changes = {}
    for text in overrides:
        key, _, value = text.lstrip("+").partition("=")
        name = key.removeprefix(f"{GROUP}.")
        if name not in MAY_CHANGE:
            raise ConfigError(
                f"{key} is settled when a sweep is planned; now may change: {', '.join(MAY_CHANGE)}",
                key=key,
                fix="rlexp -m ... for another sweep",
            )
        changes[name] = value_of(value)
    changed = to_settings({**dataclasses.asdict(settings), **changes})
    if (changed.trials or 0) < (settings.trials or 0):
        raise ConfigError(
            f"sweep.trials={changed.trials}: {settings.trials} are planned already", key="sweep.trials"
        )
    return changed


def _add_trials(folder: SweepFolder, after: SweepSettings) -> None:
    """Draws further trials by the same seed; those that are there stay as they were frozen."""
    folder.refuse_others_command()
    request = folder.request()
    overrides = [text for text in request.overrides if not text.startswith(f"{GROUP}.trials=")]
    longer_plan = plan(
        [*overrides, f"{GROUP}.trials={after.trials}"],
        config_name=request.config_name,
        config_dir=request.config_dir,
    )
    added_trials = longer_plan.trials[len(folder.frozen.all()) :]
    try_environments(added_trials)
    folder.frozen.add(added_trials)


_FINISHED = ("done", "pruned")
_STOP = "stop"


def unfinished(monitor: SweepMonitor, overrides: Sequence[str]) -> list[str]:
    """The names of the trials that are to run: those that are not over, have failed, or now have a longer budget.

    Args:
        monitor: as the trials' own folders say.
        overrides: changes for all trials.
    """
    changes = saved_config.Changes(overrides) if overrides else None
    if changes is not None and not changes.touches(_STOP):
        changes = None
    return [
        name
        for name, status in monitor.statuses.items()
        if status.status not in _FINISHED or (changes is not None and _may_continue(monitor, name, changes))
    ]


def _may_continue(monitor: SweepMonitor, name: str, changes: saved_config.Changes) -> bool:
    """Whether new stop rules let a trial that has ended go on."""
    run = monitor.folder.run(name)
    if run is None:
        return True
    try:
        before = saved_config.read(run.config)
        after = changes.on(before)
    except (ConfigError, OSError):
        return True  # The trial's own process says what is wrong.
    if after.get(_STOP) == before.get(_STOP):
        return False
    if monitor.statuses[name].status == "pruned":
        return True
    return not _has_enough(run, to_run_config(after, {}).stop)


def _has_enough(run: RunFolder, stop: Stop) -> bool:
    """Whether the newest checkpoint of a run has come as far as its new stop rules want."""
    sealed = find_checkpoints.all_sealed(run.checkpoints)
    if not sealed:
        return False
    progress, rules = sealed[-1][1].meta, StopRules(stop)
    rules.restore(progress["stop"])
    return rules.holds(progress["final"]) is not None
