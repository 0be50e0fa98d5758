"""The training loop: iterate, record, checkpoint, stop; and tell everyone who listens.

Imported only once a run is being built.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rlexp.base.events import Record, RunListener
from rlexp.base.headline_metrics import EVAL_RETURN, SUMMARISED, TRAIN_RETURN, WALL_S, comes_with_evaluation
from rlexp.config.callables.targets import build
from rlexp.config.schema import RunConfig
from rlexp.environment.hangs.interrupt_sampling import SamplingCut
from rlexp.metrics.known_metrics import require
from rlexp.run.bookkeeping.counters import EVALUATION, SHARES, TRAINING, Clock
from rlexp.run.bookkeeping.evaluation_turns import passed
from rlexp.run.stopping.stop_rules import StopFunction, StopRules
from rlexp.run.trainable import RunTrainable
from rlexp.storage.checkpoint.store import CheckpointSaveError, CheckpointStore
from rlexp.terminal.interrupt import Interrupt

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ending:
    """How a run ended: `status` is `done`, `stopped` or `failed`, and `reason` one line on why."""

    status: str
    reason: str


@dataclass
class Progress:
    """What the loop remembers beside the trainable's own state; rides in checkpoints as their `meta`."""

    final: Record = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)
    stop: dict[str, Any] = field(default_factory=dict)

    def update(self, record: Record) -> None:
        """Takes in one iteration's metrics."""
        self.final.update(record)
        for metric in SUMMARISED:
            value = record.get(metric.name)
            if isinstance(value, (int, float)) and not math.isnan(value):
                before = self.best.get(metric.summary, float(value))
                self.best[metric.summary] = metric.best(float(value), before)

    def summary(self, clock: Clock | None = None) -> dict[str, Any]:
        """The figures of `summary.json`.

        Args:
            clock: the run's; without it the time is that of the last iteration, and its shares are unknown.
        """
        final = {
            metric.summary: self.final[metric.name] for metric in SUMMARISED if metric.name in self.final
        }
        wall_s = float(self.final.get(WALL_S, 0.0)) if clock is None else clock.wall_s
        shares = {} if clock is None else clock.shares()
        stepping = shares[TRAINING] + shares[EVALUATION] if shares else wall_s
        steps = int(self.final.get("env_steps", 0))
        return {
            **final,
            **{f"best_{name}": value for name, value in self.best.items()},
            "env_steps": steps,
            "iterations": int(self.final.get("iteration", 0)),
            "wall_s": round(wall_s, 3),
            **{name: round(shares[name], 3) for name in SHARES if name in shares},
            "sps": round(steps / stepping, 1) if stepping else 0.0,
        }

    def meta(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return {"final": self.final, "best": self.best, "stop": self.stop}


class Loop:
    """Drives one trainable to its end.

    Args:
        trainable: built, and restored where the run is resumed.
        store: where checkpoints go.
        listeners: called in this order; the first keeps the run's own record of its metrics.
        progress: what a resumed run remembers from before.
    """

    def __init__(
        self,
        trainable: RunTrainable,
        store: CheckpointStore,
        listeners: Sequence[RunListener],
        progress: Progress | None = None,
    ) -> None:
        self.trainable, self.store, self.listeners = trainable, store, list(listeners)
        self.config = trainable.run
        self.progress = progress or Progress()
        self.stop = StopRules(self.config.stop, _function_of(self.config))
        self.stop.restore(self.progress.stop)
        self.best_by = self.config.checkpoint.best_by
        self._best_score = max((self._signed(c.score) for c in store.all()), default=-math.inf)
        self._unsaved: Record | None = None
        self.unseen = dict(self.stop.metrics())
        if self.best_by and self.best_by != TRAIN_RETURN:
            self.unseen[self.best_by] = "checkpoint.best_by"
        if trainable.curriculum is not None:
            self.unseen |= trainable.curriculum.awaited

    def run(self, interrupt: Interrupt) -> Ending:
        """Trains until a stop rule holds or an interrupt comes; the last state is always checkpointed.

        After an error in a listener or in the last evaluation too, for the training itself is complete then.
        """
        reason = self.over()
        try:
            while reason is None and not interrupt:
                interrupt.rearm()
                reason = self.advance(interrupt)
            self.save_last()
        except Exception as error:
            self.rescue(error)
            raise
        return Ending("done", reason) if reason is not None else Ending("stopped", str(interrupt.name))

    def over(self) -> str | None:
        """Why a resumed run has nothing left to do, if so."""
        return self.stop.holds(self.progress.final) if self.progress.final else None

    def take_over(self, progress: Progress) -> None:
        """Goes on from what another run remembers; its state was loaded."""
        self.progress, self._unsaved = progress, None
        self.stop.restore(progress.stop)

    def save_last(self) -> None:
        """A checkpoint of the present state, unless there is one."""
        if self._unsaved is not None:
            self.save(self._unsaved)

    def advance(self, interrupt: Interrupt) -> str | None:
        """One iteration; why it was the last, if so.

        One that an interrupt ends before anything was learnt leaves all as it was after the one before.
        """
        unsaved, self._unsaved = self._unsaved, None
        before = int(self.progress.final.get("env_steps", 0))
        try:
            record = self.trainable.step()
        except SamplingCut:
            self._unsaved = unsaved
            return None
        try:
            reason = self.stop.update(record) or self._curriculum_over()
        except Exception:  # Of a stop function; the iteration itself is complete.
            self._take_in(record)
            raise
        if reason is not None and not interrupt and self._lacks_evaluation(record):
            try:
                record.update(self.trainable.evaluate())
            except Exception:
                self._take_in(record)
                raise
            self.stop.observe(record, names=("eval/",))
        self._take_in(record)
        if self._is_due(record, before):
            self.save(record)
        return reason

    def _curriculum_over(self) -> str | None:
        curriculum = self.trainable.curriculum
        over = (
            self.config.curriculum.stop_when_complete
            and curriculum is not None
            and curriculum.teacher.complete
        )
        return "the curriculum is complete" if over else None

    def _lacks_evaluation(self, record: Record) -> bool:
        return self.trainable.evaluates and EVAL_RETURN not in record

    def _take_in(self, record: Record) -> None:
        self.progress.update(record)
        self.progress.stop = self.stop.state()
        for listener in self.listeners:
            listener.on_record(record)
            # Once the metrics file has it, a checkpoint may say that it has happened.
            self._unsaved = record
        self._check_required(record)

    def rescue(self, error: Exception) -> None:
        """After `error`: saves the last complete state, if that was not done."""
        if self._unsaved is None or isinstance(error, CheckpointSaveError):
            return
        try:
            self._save(self._unsaved)
        except Exception as second:
            _log.warning("the state before the error could not be saved: %s", second)

    def _check_required(self, record: Record) -> None:
        """A metric that a setting reads must be there as soon as its kind is first reported (never later)."""
        for name, key in list(self.unseen.items()):
            if name in record or _kind_reported(name, record):
                require(record, name, key)
                del self.unseen[name]

    def _is_due(self, record: Record, before: int) -> bool:
        """Whether an iteration that began at `before` env steps ends with a checkpoint."""
        every, every_env_steps = self.config.checkpoint.every, self.config.checkpoint.every_env_steps
        if every_env_steps is not None:
            due = passed(every_env_steps, before, int(record["env_steps"]))
        else:
            due = every is not None and int(record["iteration"]) % every == 0
        if due:
            return True
        evaluated = self.best_by is not None and self.best_by.startswith("eval/")
        return evaluated and self._signed(self._score(record)) > self._best_score

    def _score(self, record: Record) -> float | None:
        value = record.get(self.best_by) if self.best_by else None
        return float(value) if isinstance(value, (int, float)) and not math.isnan(value) else None

    def _signed(self, score: float | None) -> float:
        if score is None:
            return -math.inf
        return -score if self.config.checkpoint.mode == "min" else score

    def save(self, record: Record) -> Path:
        """Writes and seals a checkpoint of the present state, and tells the listeners."""
        path = self._save(record)
        for listener in self.listeners:
            listener.on_checkpoint(path, record)
        return path

    def _save(self, record: Record) -> Path:
        score = self._score(record)
        checkpoint = self.store.save(
            int(record["env_steps"]),
            lambda folder: self.trainable.save_checkpoint(str(folder)),
            score=score,
            meta=self.progress.meta(),
        )
        self._best_score = max(self._best_score, self._signed(score))
        self._unsaved = None
        return checkpoint.path


def _function_of(config: RunConfig) -> StopFunction | None:
    """What `stop.function` names, with its arguments."""
    spec = config.stop.function
    return None if spec is None else partial(build, spec, config.trusted)


def _kind_reported(name: str, record: Record) -> bool:
    """Whether `record` has what would be logged together with the metric `name`.

    What callbacks log may be rare, so `custom/...`, which was declared before the start, is waited for.
    """
    kind = name.partition("/")[0]
    if "custom" in name.split("/"):
        return False
    if comes_with_evaluation(name):
        return EVAL_RETURN in record
    if kind == "train":
        return TRAIN_RETURN in record
    return any(other.startswith(f"{kind}/") for other in record)
