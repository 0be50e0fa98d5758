"""The curriculum in the main process: updates the teacher with outcomes and publishes its directive."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlexp.base.errors import CheckpointError
from rlexp.base.headline_metrics import CURRICULUM
from rlexp.curriculum.alarms import Alarms, level
from rlexp.curriculum.history import History
from rlexp.curriculum.metric_checks import reads
from rlexp.curriculum.teacher import Teacher, excludes_episodes, needed_signals, wanders
from rlexp.environment.tasks.episode_measure import is_metric
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress, by_task_name
from rlexp.environment.tasks.payload import Payload
from rlexp.environment.tasks.space import TaskSpace

EVENT = f"{CURRICULUM}event"
"""Metric, a text: promotions, demotions and alarms of an iteration that had any."""
MAX_TASK_METRICS = 12
"""Up to so many different tasks have a metric each."""


class Curriculum:
    """One teacher with its directive, history and alarms.

    Args:
        teacher: fresh.
        space: its tasks.
        measure: see `rlexp.environment.tasks.episode_measure`.
        seed: of the draws.

    Attributes:
        history: what happened, for plots.
        alarms: whether it thrashes or stalls.
        new_events: what the teacher did in the last iteration, a few words each.
    """

    def __init__(self, teacher: Teacher, space: TaskSpace, measure: str, seed: int) -> None:
        self.teacher, self.space, self._measure, self._seed = teacher, space, measure, seed
        self.generation, self.version, self.episodes = 0, 0, 0
        self.history = History(space)
        self.new_events: list[str] = []
        self.alarms = Alarms(wanders(teacher))
        self._directive = teacher.directive()
        self._level = level(self._directive, space)

    @property
    def awaited(self) -> dict[str, str]:
        """Metrics of the run that the teacher or the measure reads, each with the key of the setting."""
        read = reads(self.teacher, self._measure)
        return {name: key for name, key in read.items() if not name.startswith(CURRICULUM)}

    def payload(self) -> Payload:
        """What env runners draw from now."""
        signals, excludes = bool(needed_signals(self.teacher)), excludes_episodes(self.teacher)
        drawn_by = self._directive, self.version, self.episodes, self._seed, self.generation
        return Payload(*drawn_by, with_signals=signals, excludes_episodes=excludes)

    def take_in(self, outcomes: Sequence[Outcome], record: Mapping[str, Any]) -> dict[str, float]:
        """Updates the teacher with one iteration's episodes.

        Args:
            outcomes: in the order in which they came; those of episodes that began before a restore do not count.
            record: the iteration's metrics, with `env_steps` and `iteration`.

        Returns:
            The metrics of the curriculum, under their full names.
        """
        own = [outcome for outcome in outcomes if outcome.generation == self.generation]
        outcomes = self._scored(own, record)
        self.episodes += len(outcomes)
        episode_metrics = self._episode_metrics(outcomes)
        score = float(np.mean([outcome.score for outcome in outcomes])) if outcomes else None
        self.alarms.observe(self._level, score)
        progress = TrainingProgress(
            int(record["env_steps"]), int(record["iteration"]), {**record, **episode_metrics}
        )
        if self.teacher.update(outcomes, progress):
            self.version += 1
            self._directive = self.teacher.directive()
            self._level = level(self._directive, self.space)
        self.new_events = [*getattr(self.teacher, "new_events", ()), *self.alarms.new]
        self.history.add(int(record["env_steps"]), outcomes, self.new_events)
        metrics = {f"{CURRICULUM}{name}": value for name, value in self.teacher.metrics().items()}
        metrics |= {f"{CURRICULUM}version": self.version, f"{CURRICULUM}level": self._level}
        metrics |= {
            f"{CURRICULUM}thrashing": int(self.alarms.thrashing),
            f"{CURRICULUM}stalled": int(self.alarms.stalled),
        }
        return {**metrics, **episode_metrics}

    def _episode_metrics(self, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """The metrics of an iteration's episodes, which the teacher may read."""
        metrics: dict[str, float] = {f"{CURRICULUM}episodes": self.episodes}
        if outcomes:
            stale = sum(outcome.version != self.version for outcome in outcomes)
            metrics[f"{CURRICULUM}stale"] = stale / len(outcomes)
            metrics[f"{CURRICULUM}score_mean"] = float(np.mean([outcome.score for outcome in outcomes]))
            metrics |= _by_task(outcomes)
        return metrics

    def _scored(self, outcomes: Sequence[Outcome], record: Mapping[str, Any]) -> list[Outcome]:
        """The outcomes with the score of the iteration, where the measure is a metric; none while it is unknown."""
        if not is_metric(self._measure):
            return list(outcomes)
        value = record.get(self._measure)
        if not isinstance(value, (int, float)) or math.isnan(value):
            return []
        return [dataclasses.replace(outcome, score=float(value)) for outcome in outcomes]

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "class": type(self.teacher).__name__,
            "tasks": repr(self.space),
            "teacher": self.teacher.state_dict(),
            "generation": self.generation,
            "version": self.version,
            "episodes": self.episodes,
            "history": list(self.history.entries),
            "alarms": self.alarms.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`.

        Runners of this process may be in the middle of episodes of another teacher, whose versions and tags may be
        those of this one: a new generation tells them apart.

        Raises:
            CheckpointError: it is another teacher's, or of other tasks.
        """
        for what, own in (("class", type(self.teacher).__name__), ("tasks", repr(self.space))):
            if state[what] != own:
                raise CheckpointError(
                    f"the curriculum's {what} differ: the checkpoint has {state[what]}, this run {own}"
                )
        self.teacher.load_state_dict(state["teacher"])
        self.generation = 1 + max(self.generation, int(state.get("generation", 0)))
        self.version = int(state["version"])
        self.episodes = int(state["episodes"])
        self.history.entries = list(state["history"])
        self.alarms.restore(state["alarms"])
        self._directive = self.teacher.directive()
        self._level = level(self._directive, self.space)


def _by_task(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """How the episodes spread over tasks, and the success on each where there are few."""
    by_task = by_task_name(outcomes)
    shares = np.array([len(own) for own in by_task.values()]) / len(outcomes)
    metrics = {
        f"{CURRICULUM}tasks": float(len(by_task)),
        f"{CURRICULUM}entropy": abs(float(-(shares * np.log(shares)).sum())),
    }
    if len(by_task) <= MAX_TASK_METRICS:
        for task, own in by_task.items():
            successes = [outcome.success for outcome in own if outcome.success is not None]
            metrics[f"{CURRICULUM}share/{task}"] = len(own) / len(outcomes)
            if successes:
                metrics[f"{CURRICULUM}success/{task}"] = float(np.mean(successes))
    return metrics
