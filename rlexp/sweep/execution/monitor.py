"""The status of a sweep's trials while it runs: for its `sweep.json`, for the terminal and for its end."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any, Protocol

from rlexp.base.errors import ConfigError
from rlexp.base.files.json_records import read_object
from rlexp.config.schema import RunConfig
from rlexp.storage.runs.run_folder import RunFolder
from rlexp.storage.runs.trial_status import OVER, TrialStatus, trial_status
from rlexp.storage.sweeps.seed_groups import SeedGroups
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.planning.one_environment import name_of
from rlexp.sweep.settings import SweepSettings
from rlexp.sweep.space.search_space import written
from rlexp.sweep.trials.frozen_trials import FrozenTrial

WRITE_S = 1.0
"""Seconds between two versions of `sweep.json`, at least: a thousand trials make it large."""


class Watcher(Protocol):
    """Shows how a sweep proceeds."""

    def on_change(self, monitor: SweepMonitor, name: str) -> None:
        """Trial `name` has begun, reported or ended."""


@dataclass
class SweepMonitor:
    """The status of every trial, updated by what trials report.

    Attributes:
        folder: the sweep's.
        metric: what trials are compared by.
        trials: as planned, by name; `add` brings more.
        groups: which of them are seeds of one point.
        statuses: by name.
        sign: 1 where a higher metric is better, else -1.
        current_values: the values that a scheduler changes, of a trial.
        budget: env steps that each is to make in all, where that is known.
        undrawn: trials that are not planned yet.
    """

    folder: SweepFolder
    metric: str
    trials: dict[str, FrozenTrial]
    statuses: dict[str, TrialStatus]
    groups: SeedGroups
    sign: float = 1.0
    budget: int | None = None
    undrawn: int = 0
    current_values: Callable[[str], dict[str, Any]] | None = None
    watchers: list[Watcher] = field(default_factory=list)
    started_at: float = field(default_factory=time.monotonic)
    _written_at: float = 0.0
    _manifest_times: dict[str, int | None] = field(default_factory=dict)
    _steps_at_start: int = 0

    @classmethod
    def of(
        cls, folder: SweepFolder, metric: str, trials: Sequence[FrozenTrial], settings: SweepSettings
    ) -> SweepMonitor:
        """Reads the statuses from the trials' own folders; a trial that was pruned stays so."""
        before = folder.state()["trials"]
        statuses = {
            t.name: trial_status(folder.run(t.name), metric, before.get(t.name, {}).get("error"))
            for t in trials
        }
        for name, each in statuses.items():
            if each.status == "stopped" and before.get(name, {}).get("status") == "pruned":
                statuses[name] = replace(each, status="pruned")
        sign = 1.0 if settings.mode == "max" else -1.0
        groups = SeedGroups(list(statuses), seeds=settings.seeds, aggregate=settings.aggregate)
        monitor = cls(folder, metric, {t.name: t for t in trials}, statuses, groups, sign, _budget(trials))
        monitor._steps_at_start = monitor.env_steps
        return monitor

    def add(self, trials: Sequence[FrozenTrial]) -> None:
        """Takes up more trials: all seeds of a point, whose place was kept among those to come."""
        self.trials.update({trial.name: trial for trial in trials})
        self.statuses.update({trial.name: TrialStatus() for trial in trials})
        self.groups.add([trial.name for trial in trials])
        self.undrawn -= len(trials)

    def expect(self, count: int, first: RunConfig) -> None:
        """Expects `count` trials that are still to be drawn; `first` is the config of one like them."""
        self.undrawn = count
        if not self.trials:
            self.budget = first.stop.env_steps

    def point_score(self, group: str) -> float | None:
        """The score of all seeds of a point together; None while one has none."""
        return self.groups.one_score(
            group, {name: self.statuses[name].score for name in self.groups.members(group)}
        )

    def mark_waiting(self, name: str) -> None:
        """Marks a trial that is to run, or to run again."""
        self.statuses[name] = replace(self.statuses[name], status="waiting", error=None)
        self._manifest_times[name] = self._manifest_time(name)

    def report(
        self, name: str, status: str, result: Mapping[str, Any] | None = None, error: str | None = None
    ) -> None:
        """Takes in what a trial reports, or that its status has changed.

        What a failed trial's own folder says of it goes before `error`, unless it says so of an earlier time.
        """
        if status == "failed":
            self.folder.fetch_trial(name)
        if status == "failed" and self._manifest_time(name) != self._manifest_times.get(name):
            error = trial_status(self.folder.run(name), self.metric, error).error
        before = self.statuses.get(name, TrialStatus())
        updated = replace(before, status=status, error=error)
        if result is not None:
            updated = replace(
                updated,
                env_steps=int(result.get("env_steps", before.env_steps)),
                score=result.get("score", before.score),
            )
        self.statuses[name] = updated
        for watcher in self.watchers:
            watcher.on_change(self, name)
        self.write_rarely()

    def _manifest_time(self, name: str) -> int | None:
        """Modification time in ns of the trial's manifest: it changes with each status that its process writes."""
        run = self.folder.run(name)
        return run.manifest.stat().st_mtime_ns if run is not None and run.manifest.exists() else None

    def finalize(self, name: str) -> TrialStatus:
        """Reads what the trial's own folder says, now that it is over; returns it."""
        before = self.statuses[name]
        recorded = trial_status(self.folder.run(name), self.metric, before.error)
        is_unchanged = (
            name in self._manifest_times and self._manifest_time(name) == self._manifest_times[name]
        )
        # One that was done, and was to go on and was refused, has failed: its folder speaks of an earlier time.
        refused = before.status == "failed" and is_unchanged
        status = (
            before.status
            if before.status in OVER and (recorded.status != "done" or refused)
            else recorded.status
        )
        error = (before.error if is_unchanged else recorded.error) if status == "failed" else None
        self.statuses[name] = replace(recorded, status=status, error=error)
        return self.statuses[name]

    def write_rarely(self) -> None:
        """Brings `sweep.json` up to date, unless it was a moment ago; a full disk does not end what trains."""
        if time.monotonic() - self._written_at >= WRITE_S:
            with suppress(OSError):
                self.write()

    def write(self, **fields: Any) -> None:
        """Brings `sweep.json` up to date.

        Raises:
            OSError: it cannot be written; the version before stands.
        """
        self._written_at = time.monotonic()
        self.folder.update(trials=self.to_json(), **fields)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """The trials, for `sweep.json`."""
        return {
            name: {
                **dataclasses.asdict(self.statuses[name]),
                "varied": self.varied(name),
                "env": name_of(trial.config),
            }
            for name, trial in self.trials.items()
        }

    def varied(self, name: str) -> dict[str, str]:
        """What the sweep varies, with the trial's values as of now."""
        current = {} if self.current_values is None else self.current_values(name)
        return {**self.trials[name].varied, **{key: written(value) for key, value in current.items()}}

    @property
    def counts(self) -> Counter[str]:
        """Trials by status."""
        counts = Counter(each.status for each in list(self.statuses.values()))
        counts["waiting"] += self.undrawn
        return counts

    @property
    def env_steps(self) -> int:
        """Env steps of all trials."""
        return sum(each.env_steps for each in list(self.statuses.values()))

    def seconds_left(self) -> float | None:
        """Estimated seconds to the end, at the pace so far; None while unknown."""
        steps_made, seconds = self.env_steps - self._steps_at_start, time.monotonic() - self.started_at
        statuses = list(self.statuses.values())
        steps_per_trial = self._steps_per_trial(statuses)
        if steps_per_trial is None or steps_made <= 0:
            return None
        open_steps = sum(
            max(0, steps_per_trial - each.env_steps) for each in statuses if each.status not in OVER
        )
        return (open_steps + steps_per_trial * self.undrawn) / steps_made * seconds

    def _steps_per_trial(self, statuses: Sequence[TrialStatus]) -> float | None:
        """Env steps of a full trial: the mean of those done, as other stop rules may end them before the budget."""
        done = [each.env_steps for each in statuses if each.status == "done"]
        return fmean(done) if done else self.budget


def _budget(trials: Sequence[FrozenTrial]) -> int | None:
    """The trials' budget of env steps, where it is the same for all."""
    budgets = {trial.config.stop.env_steps for trial in trials}
    return budgets.pop() if len(budgets) == 1 else None


NEVER_LOGGED = "never_logged"
"""In a run's summary: metrics that settings read and nothing logged, each with the key of the setting."""


class MissingScoreWarning:
    """Watches a sweep: warns once when a trial has passed the first comparison without a score.

    Args:
        compare_at: env steps, rising, at which a scheduler needs one; empty without a scheduler.
        warn: prints a warning.
    """

    def __init__(self, compare_at: Sequence[int], warn: Callable[[str], None]) -> None:
        self._first, self._warn = next(iter(compare_at), None), warn

    def on_change(self, monitor: SweepMonitor, name: str) -> None:
        """See `Watcher`."""
        status = monitor.statuses[name]
        if self._first is None or status.score is not None or status.env_steps < self._first:
            return
        self._warn(
            f"{name} has no {monitor.metric} after {status.env_steps:,} env steps: trials without a score are neither "
            "compared nor stopped early; sweep.metric=<a metric that is logged> goes by another"
        )
        self._first = None


def warn_missing_metrics(monitor: SweepMonitor, warn: Callable[[str], None]) -> None:
    """Warns, at a sweep's end, where no trial has a score, and of metrics that settings read and nothing logged."""
    trained = [name for name, status in monitor.statuses.items() if status.env_steps]
    if trained and all(monitor.statuses[name].score is None for name in trained):
        warn(
            f"no trial has a score: nothing logged {monitor.metric} (sweep.metric), so that trials were neither "
            "compared nor ranked"
        )
    counts = Counter(pair for name in trained for pair in never_logged(monitor.folder.run(name)).items())
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
