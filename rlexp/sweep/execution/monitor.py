"""What a sweep's trials are doing while it runs: kept for its `sweep.json`, for the terminal and for its end."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any, Protocol

from rlexp.config.schema import RunConfig
from rlexp.storage.runs.seeds import SeedGroups
from rlexp.storage.runs.trial_status import OVER, Standing, standing
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.planning.frozen_trials import Planned
from rlexp.sweep.planning.one_environment import name_of
from rlexp.sweep.planning.space import written
from rlexp.sweep.settings import SweepChoice

WRITE_S = 1.0
"""Seconds between two versions of `sweep.json`, at least: a thousand trials make it large."""


class Watcher(Protocol):
    """Shows a sweep's course."""

    def changed(self, course: Course, name: str) -> None:
        """Trial `name` has begun, reported or ended."""


@dataclass
class Course:
    """How the trials stand, kept up by what they report.

    Attributes:
        folder: the sweep's.
        metric: what trials are compared by.
        trials: as planned; `add` brings more.
        groups: which of them are seeds of one point.
        told: how each stands.
        sign: 1 where a higher metric is better, else -1.
        changing: the values that a scheduler changes, of a trial.
        budget: env steps that each is to make in all, where that is known.
        to_come: trials that are not planned yet.
    """

    folder: SweepFolder
    metric: str
    trials: dict[str, Planned]
    told: dict[str, Standing]
    groups: SeedGroups
    sign: float = 1.0
    budget: int | None = None
    to_come: int = 0
    changing: Callable[[str], dict[str, Any]] | None = None
    watchers: list[Watcher] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _written: float = 0.0
    _records: dict[str, int | None] = field(default_factory=dict)
    _began_at: int = 0

    @classmethod
    def of(cls, folder: SweepFolder, metric: str, trials: Sequence[Planned], chosen: SweepChoice) -> Course:
        """As the trials' own folders say; a trial that was pruned stays so."""
        before = folder.state()["trials"]
        told = {
            t.name: standing(folder.run(t.name), metric, before.get(t.name, {}).get("error")) for t in trials
        }
        for name, each in told.items():
            if each.status == "stopped" and before.get(name, {}).get("status") == "pruned":
                told[name] = replace(each, status="pruned")
        sign = 1.0 if chosen.mode == "max" else -1.0
        groups = SeedGroups(list(told), seeds=chosen.seeds, aggregate=chosen.aggregate)
        course = cls(folder, metric, {t.name: t for t in trials}, told, groups, sign, _budget(trials))
        course._began_at = course.env_steps
        return course

    def add(self, trials: Sequence[Planned]) -> None:
        """More trials: all seeds of a point, whose place was kept among those to come."""
        self.trials.update({trial.name: trial for trial in trials})
        self.told.update({trial.name: Standing() for trial in trials})
        self.groups.add([trial.name for trial in trials])
        self.to_come -= len(trials)

    def come(self, count: int, first: RunConfig) -> None:
        """So many trials are to be drawn; `first` is one like them."""
        self.to_come = count
        if not self.trials:
            self.budget = first.stop.env_steps

    def point_score(self, group: str) -> float | None:
        """Of all seeds of a point; None while one has none."""
        return self.groups.one_score(
            group, {name: self.told[name].score for name in self.groups.members(group)}
        )

    def wait(self, name: str) -> None:
        """The trial is to run, or to run again."""
        self.told[name] = replace(self.told[name], status="waiting", error=None)
        self._records[name] = self._record(name)

    def report(
        self, name: str, status: str, result: Mapping[str, Any] | None = None, error: str | None = None
    ) -> None:
        """Takes in what a trial reports, or that its status has changed.

        What a failed trial's own folder says of it goes before `error`, unless it says so of an earlier time.
        """
        if status == "failed":
            self.folder.look(name)
        if status == "failed" and self._record(name) != self._records.get(name):
            error = standing(self.folder.run(name), self.metric, error).error
        before = self.told.get(name, Standing())
        told = replace(before, status=status, error=error)
        if result is not None:
            told = replace(
                told,
                env_steps=int(result.get("env_steps", before.env_steps)),
                score=result.get("score", before.score),
            )
        self.told[name] = told
        for watcher in self.watchers:
            watcher.changed(self, name)
        self.note()

    def _record(self, name: str) -> int | None:
        """Changes with each word that a trial's process writes of how it stands."""
        run = self.folder.run(name)
        return run.manifest.stat().st_mtime_ns if run is not None and run.manifest.exists() else None

    def settle(self, name: str) -> Standing:
        """Reads what the trial's own folder says, now that it is over; returns it."""
        told = self.told[name]
        truth = standing(self.folder.run(name), self.metric, told.error)
        old = name in self._records and self._record(name) == self._records[name]
        # One that was done, and was to go on and was refused, has failed: its folder speaks of an earlier time.
        refused = told.status == "failed" and old
        status = told.status if told.status in OVER and (truth.status != "done" or refused) else truth.status
        error = (told.error if old else truth.error) if status == "failed" else None
        self.told[name] = replace(truth, status=status, error=error)
        return self.told[name]

    def note(self) -> None:
        """Brings `sweep.json` up to date, unless it was a moment ago; a full disk does not end what trains."""
        if time.monotonic() - self._written >= WRITE_S:
            with suppress(OSError):
                self.write()

    def write(self, **fields: Any) -> None:
        """Brings `sweep.json` up to date.

        Raises:
            OSError: it cannot be written; the version before stands.
        """
        self._written = time.monotonic()
        self.folder.update(trials=self.plain(), **fields)

    def plain(self) -> dict[str, dict[str, Any]]:
        """The trials, for `sweep.json`."""
        return {
            name: {
                **dataclasses.asdict(self.told[name]),
                "varied": self.varied(name),
                "env": name_of(trial.config),
            }
            for name, trial in self.trials.items()
        }

    def varied(self, name: str) -> dict[str, str]:
        """What the sweep varies, with the trial's values as of now."""
        now = {} if self.changing is None else self.changing(name)
        return {**self.trials[name].varied, **{key: written(value) for key, value in now.items()}}

    @property
    def counts(self) -> Counter[str]:
        """Trials by status."""
        found = Counter(each.status for each in list(self.told.values()))
        found["waiting"] += self.to_come
        return found

    @property
    def env_steps(self) -> int:
        """Made by all trials."""
        return sum(each.env_steps for each in list(self.told.values()))

    def left_s(self) -> float | None:
        """Seconds that are left at the pace so far; None while it is unknown."""
        made, seconds = self.env_steps - self._began_at, time.monotonic() - self.began
        told = list(self.told.values())
        whole = self._steps_of_one(told)
        if whole is None or made <= 0:
            return None
        open_steps = sum(max(0, whole - each.env_steps) for each in told if each.status not in OVER)
        return (open_steps + whole * self.to_come) / made * seconds

    def _steps_of_one(self, told: Sequence[Standing]) -> float | None:
        """What a trial makes until it is done: something other than the budget may end it first."""
        done = [each.env_steps for each in told if each.status == "done"]
        return fmean(done) if done else self.budget


def _budget(trials: Sequence[Planned]) -> int | None:
    """The trials' budget where they have one and the same."""
    budgets = {trial.config.stop.env_steps for trial in trials}
    return budgets.pop() if len(budgets) == 1 else None
