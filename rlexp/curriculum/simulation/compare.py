"""A curriculum and the uniform one on the same synthetic students."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlexp.base.seeds import consecutive_seeds
from rlexp.config.schema import RunConfig
from rlexp.curriculum.build import teacher_of
from rlexp.curriculum.simulation.simulate import Trace, simulate
from rlexp.curriculum.simulation.student import Student
from rlexp.curriculum.teacher import Teacher
from rlexp.curriculum.teachers.uniform import Uniform
from rlexp.environment.tasks.space import TaskSpace, space_of
from rlexp.environment.tasks.task import Task

UNIFORM = "uniform"
TARGETS = 100
"""Tasks that stand for the full space where no targets are named."""
MASTERED = 0.8
"""Chance of success on the target tasks from which they count as mastered."""


@dataclass(frozen=True)
class SimulationSettings:
    """How it is tried.

    Attributes:
        students: how many, each with a seed of its own.
        episodes: that each plays.
        per_iteration: episodes between two updates of the teacher.
        num_envs: sub-environments.
        sharpness: see `Student`.
        rate: see `Student`.
    """

    students: int = 5
    episodes: int = 4000
    per_iteration: int = 32
    num_envs: int = 8
    sharpness: float = 20.0
    rate: float = 2e-3


@dataclass(frozen=True)
class SimulatedArm:
    """One teacher's students.

    Attributes:
        name: of the curriculum.
        traces: a student each.
        per_iteration: episodes of an iteration.
    """

    name: str
    traces: list[Trace]
    per_iteration: int

    @property
    def curves(self) -> np.ndarray:
        """Chance of success on the targets, [students, iterations]."""
        return np.array([trace.target for trace in self.traces])

    def mastered_at(self) -> list[int | None]:
        """Episodes after which each student had mastered the targets; None for never."""
        mastered_after = []
        for curve in self.curves:
            above = np.flatnonzero(curve >= MASTERED)
            mastered_after.append(int(above[0] + 1) * self.per_iteration if len(above) else None)
        return mastered_after

    def changes(self) -> list[int]:
        """How often each teacher changed its mind."""
        return [trace.versions[-1] for trace in self.traces]


def trials(config: RunConfig, name: str, setting: SimulationSettings) -> list[SimulatedArm]:
    """The config's curriculum, and the uniform one unless that is it.

    Raises:
        ConfigError: the curriculum is broken.
    """
    space = space_of(config.curriculum)
    targets = config.curriculum.targets or _sample_targets(space)

    def simulate_student(teacher: Teacher, seed: int) -> Trace:
        student = Student(space, sharpness=setting.sharpness, rate=setting.rate)
        return simulate(
            teacher,
            student,
            targets,
            episodes=setting.episodes,
            per_iteration=setting.per_iteration,
            num_envs=setting.num_envs,
            seed=seed,
        )

    seeds = consecutive_seeds(config.seed, setting.students)
    mine = [
        simulate_student(teacher_of(config.curriculum, config.trusted, seed=seed), seed) for seed in seeds
    ]
    arms = [SimulatedArm(name, mine, setting.per_iteration)]
    if name != UNIFORM:
        control = [simulate_student(Uniform(space, seed=seed), seed) for seed in seeds]
        arms.append(SimulatedArm(UNIFORM, control, setting.per_iteration))
    return arms


def _sample_targets(space: TaskSpace) -> list[Task]:
    rng = np.random.default_rng(0)
    return [space.sample(rng) for _ in range(TARGETS)]
