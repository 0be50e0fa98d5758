"""Which trials a sweep that is resumed still has to run."""

from __future__ import annotations

from collections.abc import Sequence

from rlexp.base.errors import ConfigError
from rlexp.config import saved_config
from rlexp.config.convert import to_run_config
from rlexp.config.schema import Stop
from rlexp.run.stopping.rules import StopRules
from rlexp.storage.checkpoint import finding
from rlexp.storage.runs.run_folder import RunFolder
from rlexp.sweep.execution.monitor import Course

_FINISHED = ("done", "pruned")
_STOP = "stop"


def unfinished(course: Course, overrides: Sequence[str]) -> list[str]:
    """The names of the trials that are to run: those that are not over, have failed, or now have a longer budget.

    Args:
        course: as the trials' own folders say.
        overrides: changes for all trials.
    """
    changes = saved_config.Changes(overrides) if overrides else None
    if changes is not None and not changes.touches(_STOP):
        changes = None
    return [
        name
        for name, told in course.told.items()
        if told.status not in _FINISHED or (changes is not None and _goes_on(course, name, changes))
    ]


def _goes_on(course: Course, name: str, changes: saved_config.Changes) -> bool:
    """Whether new stop rules let a trial that has ended go on."""
    run = course.folder.run(name)
    if run is None:
        return True
    try:
        before = saved_config.read(run.config)
        after = changes.on(before)
    except (ConfigError, OSError):
        return True  # The trial's own process says what is wrong.
    if after.get(_STOP) == before.get(_STOP):
        return False
    if course.told[name].status == "pruned":
        return True
    return not _has_enough(run, to_run_config(after, {}).stop)


def _has_enough(run: RunFolder, stop: Stop) -> bool:
    """Whether the newest checkpoint of a run has come as far as its new stop rules want."""
    sealed = finding.all_sealed(run.checkpoints)
    if not sealed:
        return False
    progress, rules = sealed[-1][1].meta, StopRules(stop)
    rules.restore(progress["stop"])
    return rules.holds(progress["final"]) is not None
