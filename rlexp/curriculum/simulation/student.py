"""A synthetic student, on which a teacher is tried in seconds instead of hours."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlexp.environment.tasks.dimension import Integer
from rlexp.environment.tasks.directive import Draw
from rlexp.environment.tasks.outcome import Outcome
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task, task_key

LEVELS = 100
"""Whole numbers in larger numbers than this are seeds of levels, whose difficulty has no order."""


@dataclass
class Student:
    """Succeeds with a chance that falls with the task's difficulty, and learns most where that chance is even.

    Success is drawn with p = 1 / (1 + exp(-sharpness * (skill - difficulty))), a logistic item response (Rasch
    1960). An episode raises the skill by `rate` * 4 p (1 - p): nothing is learnt from what is always or never
    solved. A difficulty is the mean of a task's encoded parameters, from 0 (easy) to 1 (hard); levels that are
    mere seeds get one each at random.

    Attributes:
        space: the tasks.
        skill: 0 solves the easiest tasks half the time; 1 the hardest.
        rate: most that one episode teaches.
        sharpness: how soon tasks above the skill become hopeless.
        forgetting: share of the skill that is lost with each episode.
    """

    space: TaskSpace
    skill: float = 0.0
    rate: float = 2e-3
    sharpness: float = 20.0
    forgetting: float = 0.0

    def difficulty(self, task: Task) -> float:
        """From 0 to 1."""
        if any(isinstance(dim, Integer) and dim.size > LEVELS for dim in self.space.dims.values()):
            return zlib.crc32(task_key(task).encode()) / 2**32
        return float(np.mean(self.space.encode(task)))

    def chance(self, task: Task) -> float:
        """Of success."""
        return float(1.0 / (1.0 + np.exp(-self.sharpness * (self.skill - self.difficulty(task)))))

    def attempt(self, draw: Draw, version: int, env_index: int, rng: np.random.Generator) -> Outcome:
        """Plays one episode and learns from it, if it is one to learn from."""
        chance = self.chance(draw.task)
        success = float(rng.random() < chance)
        if draw.trainable:
            self.skill += self.rate * 4.0 * chance * (1.0 - chance) - self.forgetting * self.skill
        apart = success - chance
        signals = {"value_l1": abs(apart), "positive_value_loss": max(apart, 0.0), "value_mean": chance}
        length = round(100 - 50 * success)
        return Outcome(
            draw.task, version, draw.tag, success, success, length, env_index, success, {**signals}
        )

    def expected(self, tasks: list[Task]) -> NDArray[np.float64]:
        """[N] chances of success."""
        return np.array([self.chance(task) for task in tasks])
