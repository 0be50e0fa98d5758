"""The outcome of a finished episode, as the teacher receives it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rlexp.base.moved_names import renamed_fields
from rlexp.environment.tasks.task import Task, task_key

OUTCOMES = "__task_outcomes"
"""Entry of the runners' results, and of the learner's where it adds signals."""
SIGNALS = ("value_l1", "positive_value_loss", "value_mean")
"""Signals that the learner adds to an outcome: the means over its steps of |A|, of max(A, 0) and of V, with A the
advantage before it is standardised and V the value."""


@renamed_fields(slot="env_index")
@dataclass(frozen=True)
class Outcome:
    """One finished episode, with the task and the version of the directive that it was drawn by.

    Attributes:
        task: what was asked.
        version: of the directive, when the episode began.
        tag: what the directive said of this draw, e.g. a stage's number; teachers count by it, not by time.
        score: the curriculum's measure of the episode (success, return, ...).
        episode_return: sum of rewards.
        length: env steps.
        env_index: number of the sub-environment, over all env runners.
        success: 0 or 1; None where the environment does not report it.
        signals: further numbers by name, see `SIGNALS`; none unless the teacher needs some.
        generation: of the payload; see `rlexp.environment.tasks.payload.Payload`.
    """

    task: Task
    version: int
    tag: Any
    score: float
    episode_return: float
    length: int
    env_index: int = 0
    success: float | None = None
    signals: Mapping[str, float] = field(default_factory=dict)
    generation: int = 0

    @property
    def key(self) -> str:
        """The task as text, equal for equal tasks."""
        return task_key(self.task)


@dataclass(frozen=True)
class TrainingProgress:
    """How far training has come when a teacher is updated.

    Attributes:
        env_steps: of the run so far.
        iteration: of the run so far.
        metrics: the last iteration's metrics by name (`train/return_mean`, ...).
    """

    env_steps: int
    iteration: int
    metrics: Mapping[str, float] = field(default_factory=dict)


def measured(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those whose score is a finite number: NaN says that the episode was not measured."""
    return [outcome for outcome in outcomes if math.isfinite(outcome.score)]


def outcomes_in(part: Mapping[str, Any] | None) -> list[Outcome]:
    """The outcomes in one part (`env_runners`, or `__all_modules__` of `learners`) of RLlib's results."""
    items = (part or {}).get(OUTCOMES)
    return [item for item in items if isinstance(item, Outcome)] if isinstance(items, (list, tuple)) else []


def evaluated(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Success and return on each of an evaluation's tasks, where there are several: forgetting shows here."""
    by_task = by_task_name(outcomes)
    metrics = {}
    for task, of_task in by_task.items() if len(by_task) > 1 else ():
        metrics[f"eval/return/{task}"] = float(np.mean([outcome.episode_return for outcome in of_task]))
        if successes := [outcome.success for outcome in of_task if outcome.success is not None]:
            metrics[f"eval/success/{task}"] = float(np.mean(successes))
    return metrics


def by_task_name(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """The outcomes of each task, by the task as text, in the order of their first episodes."""
    by_name: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_name.setdefault(outcome.key, []).append(outcome)
    return by_name


def log_outcome(metrics_logger: Any, outcome: Outcome, part: str | None = None) -> None:
    """Adds one outcome to what the runner, or a part of the learner, reports next."""
    key = OUTCOMES if part is None else (part, OUTCOMES)
    metrics_logger.log_value(key, outcome, reduce="item_series")
