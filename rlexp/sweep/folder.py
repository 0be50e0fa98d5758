"""A sweep's folder: what was planned, frozen, and how far it has come.

| file | holds |
|---|---|
| `plan.json` | settings and command, written once |
| `trials.jsonl` | each trial's overrides, choices and full config, written once |
| `search.json` | of a search that learns: the configs that its points are put on top of |
| `sweep.json` | the same settings, each trial's status and score as of now, the best; made anew where it is damaged |
| `trials/<name>/` | a run's folder each |
| `report.html`, `report.json`, `report/` | see `rlexp.report` |
"""

from __future__ import annotations

import dataclasses
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.files import lock
from rlexp.base.files.atomic import to_json, write_json
from rlexp.base.files.json_records import read_object
from rlexp.base.files.links import refuse_links
from rlexp.base.shell_commands import shell_command
from rlexp.config.rerun import command
from rlexp.run.bookkeeping.provenance import now
from rlexp.storage.buckets.local_copies import address, local
from rlexp.storage.buckets.mirror import Mirror
from rlexp.storage.buckets.record_fetch import fetch_below, fetch_one
from rlexp.storage.runs.run_folder import RunFolder, is_run_folder
from rlexp.storage.signed_files import is_own, write_signed
from rlexp.storage.sweeps import trial_ranking
from rlexp.storage.sweeps.sweep_view import FROZEN, PLAN, STATE, TRIALS, is_sweep
from rlexp.sweep.planning.plan import Plan
from rlexp.sweep.planning.plan_record import (
    NO_OVERRIDES,
    PlanRecord,
    SweepRequest,
    fresh_seals,
    sign_command,
)
from rlexp.sweep.search.adaptive import Adaptive
from rlexp.sweep.trials.frozen_trials import FrozenTrial, FrozenTrials

SEARCH = "search.json"


class SweepFolder(PlanRecord):
    """One sweep's folder, for reading; `locked` gives the right to go on with it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.mirror = Mirror.of(path, without=(TRIALS,))
        self._fetched_at: dict[str, float] = {}

    @classmethod
    def create(
        cls, plan: Plan, name: str, command: Sequence[str], request: SweepRequest = NO_OVERRIDES
    ) -> SweepFolder:
        """Makes the folder and freezes the plan in it.

        Args:
            plan: checked.
            name: of the folder.
            command: the command line, to be read by people.
            request: see `SweepRequest`.

        Raises:
            ConfigError: something is there already, or it cannot be written.
        """
        folder = cls(local(plan.settings.dir).absolute() / name)
        folder._refuse_existing()
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            folder.frozen.write(plan.trials)
            if plan.adaptive is not None:
                write_signed(folder.path / SEARCH, to_json(plan.adaptive.to_json()))
            frozen = {
                "name": name,
                "command": shlex.join(command),
                "start": now(),
                "settings": dataclasses.asdict(plan.settings),
                "asked": dataclasses.asdict(request),
                "space": plan.space.plain(),
                **fresh_seals(),
            }
            frozen["asked_by"] = sign_command(frozen)
            write_signed(folder.path / PLAN, to_json(frozen))
            folder.update(status="running")
        except OSError as error:
            raise folder._unwritable(error) from error
        folder.push()
        return folder

    def _refuse_existing(self) -> None:
        if self.mirror is not None:
            self._sync(self.mirror.fetch)
        if self.path.exists() and any(item.name not in lock.FILES for item in self.path.iterdir()):
            fix = shell_command("resume", self.place) if is_sweep(self.path) else "sweep.name=<another name>"
            raise ConfigError(f"{self.place} is not empty", key="sweep.name", fix=fix)

    def _sync(self, sync: Callable[[], None]) -> None:
        try:
            sync()
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> ConfigError:
        reason = (error.strerror or str(error)).splitlines()[0]
        message = f"the sweep cannot be kept in {self.place}: {reason}"
        return ConfigError(message, key="sweep.dir", fix="sweep.dir=<another folder>")

    def push(self) -> None:
        """Brings the sweep's own files to the store that the folder is a copy of, if it is one.

        Raises:
            ConfigError: they cannot be brought.
        """
        if self.mirror is not None:
            self._sync(self.mirror.push)

    def trial_for_task(self, name: str, overrides: Sequence[str], seals: str) -> FrozenTrial:
        """Reads one frozen trial, in a process on any machine: there the plan may have to be brought first.

        Args:
            name: the trial's.
            overrides: put on top.
            seals: the sweep's; what an earlier sweep of the same name has left on that machine has another.

        Raises:
            ConfigError: there is none, the plan is damaged, or an override is refused.
            OSError: the store cannot be reached.
        """
        if self.mirror is not None:
            with suppress(ConfigError, OSError):
                if self.seals == seals:
                    return self.frozen.one(name, overrides)
            self.mirror.fetch()
        return self.frozen.one(name, overrides)

    def adaptive(self) -> Adaptive | None:
        """The space of a search that learns; None where all trials are planned.

        Raises:
            ConfigError: it is damaged.
        """
        if not (self.path / SEARCH).is_file():
            return None
        settings = self.settings()
        try:
            plain = read_object(self.path / SEARCH)
            return Adaptive.from_json(plain, self.space(), trials=settings.trials or 0, seeds=settings.seeds)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ConfigError(f"{self.path / SEARCH} is damaged: {type(error).__name__}: {error}") from error

    @property
    def is_own(self) -> bool:
        """Whether this user has planned the sweep, and nobody has changed the plan since."""
        files = [self.path / PLAN, self.path / FROZEN, self.path / SEARCH]
        return all(is_own(file) for file in files if file != self.path / SEARCH or file.exists())

    @property
    def frozen(self) -> FrozenTrials:
        """The trials as they were planned."""
        return FrozenTrials(self.path / FROZEN, address(self.trials))

    def fetch_trial(self, name: str, *, after_s: float = 0.0) -> None:
        """Fetches the records of a trial on another machine, where the sweep lies in a store that can be reached.

        Args:
            name: the trial's.
            after_s: seconds since the last fetch, at least; else nothing is done.
        """
        if self.mirror is None or time.monotonic() - self._fetched_at.get(name, -after_s) < after_s:
            return
        with suppress(OSError):
            fetch_one(self.trials / name)
        self._fetched_at[name] = time.monotonic()

    def fetch_trials(self) -> None:
        """Fetches the records of all trials, where the sweep lies in a store.

        Raises:
            ConfigError: the store cannot be reached.
        """
        try:
            fetch_below(self.trials)
        except OSError as error:
            raise ConfigError(f"{self.place} cannot be read: {str(error).splitlines()[0]}") from error

    def run(self, name: str) -> RunFolder | None:
        """A trial's own folder, to look into; None while it has none."""
        path = self.trials / name
        return RunFolder.for_reading(path) if is_run_folder(path) else None

    def update(self, **fields: Any) -> None:
        """Sets fields of `sweep.json`, and which trial is the best by them."""
        state = {**self.state(), **fields}
        bests = [self._best(state, env, name) for env, name in trial_ranking.bests(state).items()]
        several = len(set(trial_ranking.environments(state).values())) > 1
        best = {"best": None if several or not bests else bests[0], "best_by_env": bests if several else []}
        write_json(self.path / STATE, {**state, **best})

    def _best(self, state: dict[str, Any], env: str, name: str) -> dict[str, Any]:
        score = state["trials"][name]["score"]
        return {"trial": name, "env": env or None, "score": score, "command": command(self.trials / name)}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from going on with the sweep meanwhile.

        Raises:
            ConfigError: another does, the store cannot be reached, or the folder holds links that lead out of it.
        """
        refuse_links(self.path)
        lock_file = lock.hold(self.path)
        try:
            if self.mirror is not None:
                self._sync(self.mirror.claim)
            yield
        finally:
            lock.release(self.path, lock_file)
