"""Runs a teacher on a synthetic student."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rlexp.curriculum.simulation.student import Student
from rlexp.curriculum.teacher import Teacher
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.task import Task


@dataclass
class Trace:
    """What happened, an entry an iteration.

    Attributes:
        outcomes: of the iteration's episodes.
        target: mean chance of success on the target tasks, after it.
        skill: the student's, after it.
        metrics: the teacher's, after it.
        versions: the directive's version, after it.
    """

    outcomes: list[list[Outcome]] = field(default_factory=list)
    target: list[float] = field(default_factory=list)
    skill: list[float] = field(default_factory=list)
    metrics: list[dict[str, float]] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)


def simulate(
    teacher: Teacher,
    student: Student,
    targets: Sequence[Task],
    *,
    episodes: int,
    per_iteration: int = 32,
    num_envs: int = 8,
    seed: int = 0,
) -> Trace:
    """Lets the teacher choose tasks and the student learn from them.

    Args:
        teacher: fresh, or to go on with.
        student: learns in place.
        targets: tasks on which success is measured.
        episodes: to play in all, rounded up to full iterations.
        per_iteration: episodes between two updates of the teacher.
        num_envs: sub-environments, which take turns.
        seed: of the draws and the student's luck.

    Returns:
        The trace.
    """
    rng, trace, version, steps = np.random.default_rng(seed), Trace(), 0, 0
    for iteration in range(-(-episodes // per_iteration)):
        directive = teacher.directive()
        outcomes = []
        for episode in range(per_iteration):
            env_index = episode % num_envs
            outcomes.append(student.attempt(directive.sample(rng, env_index), version, env_index, rng))
        steps += sum(outcome.length for outcome in outcomes)
        version += teacher.update(outcomes, TrainingProgress(steps, iteration + 1))
        trace.outcomes.append(outcomes)
        trace.target.append(float(student.expected(list(targets)).mean()))
        trace.skill.append(student.skill)
        trace.metrics.append(teacher.metrics())
        trace.versions.append(version)
    return trace
