"""The training loop: iterate, record, checkpoint, stop; and tell everyone who listens.

Imported only once a run is being built.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlexp.metrics.catalogue import require
from rlexp.metrics.headline import flatten_evaluation
from rlexp.run.checkpoints import CheckpointStore
from rlexp.run.events import Record, RunListener
from rlexp.run.interrupt import Interrupt
from rlexp.run.stop import StopRules
from rlexp.run.trainable import RunTrainable

SUMMARISED = {
    "return_mean": "train/return_mean",
    "eval_return_mean": "eval/return_mean",
    "success_rate": "train/success_rate",
    "eval_success_rate": "eval/success_rate",
}


@dataclass
class Progress:
    """What the loop remembers beside the trainable's own state; rides in checkpoints as their `meta`."""

    final: Record = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)
    stop: dict[str, Any] = field(default_factory=dict)

    def update(self, record: Record) -> None:
        """Takes in one iteration's metrics."""
        self.final.update(record)
        for name, metric in SUMMARISED.items():
            value = record.get(metric)
            if isinstance(value, (int, float)) and not math.isnan(value):
                self.best[name] = max(float(value), self.best.get(name, -math.inf))

    def summary(self) -> dict[str, Any]:
        """The figures of `summary.json`."""
        final = {name: self.final[metric] for name, metric in SUMMARISED.items() if metric in self.final}
        wall_s = float(self.final.get("perf/wall_s", 0.0))
        steps = int(self.final.get("env_steps", 0))
        return {
            **final,
            **{f"best_{name}": value for name, value in self.best.items()},
            "env_steps": steps,
            "iterations": int(self.final.get("iteration", 0)),
            "wall_s": round(wall_s, 3),
            "sps": round(steps / wall_s, 1) if wall_s else 0.0,
        }


class Loop:
    """Drives one trainable to its end."""

    def __init__(
        self,
        trainable: RunTrainable,
        store: CheckpointStore,
        listeners: Sequence[RunListener],
        progress: Progress | None = None,
    ) -> None:
        self.trainable, self.store, self.listeners = trainable, store, listeners
        self.config = trainable.run
        self.progress = progress or Progress()
        self.stop = StopRules(self.config.stop)
        self.stop.restore(self.progress.stop)
        self.best_by = self.config.checkpoint.best_by
        self._best_score = -math.inf
        self._required = {k: v for k, v in self.stop.metrics().items()}
        if self.best_by:
            self._required[self.best_by] = "checkpoint.best_by"

    def run(self, interrupt: Interrupt) -> str:
        """Trains until a stop rule holds or an interrupt comes; the last state is always checkpointed.

        Returns:
            Why it ended: the stop rule, or the signal's name.
        """
        reason = self._already_done()
        while reason is None:
            record = self.trainable.step()
            reason = self.stop.update(record)
            if reason is not None and not interrupt:
                record.update(self._final_evaluation(record))
                reason = self.stop.update(record) or reason
            self._take_in(record)
            reason = reason or interrupt.name
            if reason or self._is_due(record):
                self.save(record)
        return reason

    def _already_done(self) -> str | None:
        final = self.progress.final
        return self.stop.budget_spent(final) if final else None

    def _take_in(self, record: Record) -> None:
        self.progress.update(record)
        self.progress.stop = self.stop.state()
        self._check_required(record)
        for listener in self.listeners:
            listener.on_record(record)

    def _final_evaluation(self, record: Record) -> Record:
        algorithm = self.trainable.algorithm
        if algorithm.config.evaluation_interval is None or "eval/return_mean" in record:
            return {}
        return flatten_evaluation(algorithm.evaluate())

    def _check_required(self, record: Record) -> None:
        """A metric that a setting reads must be there as soon as its kind is first reported (never later)."""
        for name, key in list(self._required.items()):
            kind = "eval/" if name.startswith("eval/") else "train/" if name.startswith("train/") else ""
            if name not in record and kind and f"{kind}return_mean" not in record:
                continue  # no episode has ended yet, or no evaluation has run
            require(record, name, key)
            del self._required[name]

    def _is_due(self, record: Record) -> bool:
        every = self.config.checkpoint.every
        if every is not None and int(record["iteration"]) % every == 0:
            return True
        better = self.best_by is not None and self.best_by.startswith("eval/") and self._score(record) is not None
        return better and self._signed(self._score(record)) > self._best_score

    def _score(self, record: Record) -> float | None:
        value = record.get(self.best_by) if self.best_by else None
        return float(value) if isinstance(value, (int, float)) and not math.isnan(value) else None

    def _signed(self, score: float | None) -> float:
        if score is None:
            return -math.inf
        return score if self.config.checkpoint.mode == "max" else -score

    def save(self, record: Record) -> Path:
        """Writes and seals a checkpoint of the present state, and tells the listeners."""
        score = self._score(record)
        self._best_score = max(self._best_score, self._signed(score))
        meta = {"final": self.progress.final, "best": self.progress.best, "stop": self.progress.stop}
        checkpoint = self.store.save(
            int(record["env_steps"]),
            lambda folder: self.trainable.save_checkpoint(str(folder)),
            score=score,
            meta=meta,
        )
        for listener in self.listeners:
            listener.on_checkpoint(checkpoint.path, record)
        return checkpoint.path
