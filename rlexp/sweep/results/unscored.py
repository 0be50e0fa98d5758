"""Says when trials have no score, so that a scheduler, a search and a ranking have nothing to go by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from rlexp.base.errors import ConfigError
from rlexp.base.files.json_records import read_object
from rlexp.storage.runs.run_folder import RunFolder
from rlexp.sweep.execution.monitor import Course

NEVER_LOGGED = "never_logged"
"""In a run's summary: metrics that settings read and nothing logged, each with the key of the setting."""


class Unscored:
    """Watches a course: warns once when a trial has passed the first comparison without a score.

    Args:
        compare_at: env steps, rising, at which a scheduler needs one; empty without a scheduler.
        warn: tells the person.
    """

    def __init__(self, compare_at: Sequence[int], warn: Callable[[str], None]) -> None:
        self._first, self._warn = next(iter(compare_at), None), warn

    def changed(self, course: Course, name: str) -> None:
        """See `Watcher`."""
        told = course.told[name]
        if self._first is None or told.score is not None or told.env_steps < self._first:
            return
        self._warn(
            f"{name} has no {course.metric} after {told.env_steps:,} env steps: trials without a score are neither "
            "compared nor stopped early; sweep.metric=<a metric that is logged> goes by another"
        )
        self._first = None


def say_what_is_missing(course: Course, warn: Callable[[str], None]) -> None:
    """At a sweep's end: that no trial has a score, and which metrics that settings read were never logged."""
    trained = [name for name, told in course.told.items() if told.env_steps]
    if trained and all(course.told[name].score is None for name in trained):
        warn(
            f"no trial has a score: nothing logged {course.metric} (sweep.metric), so that trials were neither "
            "compared nor ranked"
        )
    counts = Counter(pair for name in trained for pair in never_logged(course.folder.run(name)).items())
    for (metric, key), count in counts.items():
        if key != "sweep.metric":
            warn(f"{key}: {metric} was never logged in {count} of {len(trained)} trials")


def never_logged(run: RunFolder | None) -> dict[str, str]:
    """Metrics that a run's settings read and nothing logged, by what its summary says."""
    try:
        summary = read_object(run.summary) if run else {}
        return {str(metric): str(key) for metric, key in summary.get(NEVER_LOGGED, {}).items()}
    except (ConfigError, AttributeError):
        return {}
