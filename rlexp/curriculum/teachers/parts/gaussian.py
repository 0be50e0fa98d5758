"""Normal distributions over points: density, divergence, and draws inside the unit cube."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlexp.curriculum.teachers.parts.unit_box import Floats, UnitBox
from rlexp.environment.tasks.directive import Draw

TRIES = 100
"""Draws outside the cube before one is clipped to it."""


@dataclass(frozen=True)
class Normal:
    """Mean [D] and lower Cholesky factor [D, D] of the covariance."""

    mean: Floats
    root: Floats

    @property
    def std(self) -> Floats:
        """[D] standard deviations."""
        return np.sqrt((self.root**2).sum(1))

    def divergence(self, other: Normal) -> float:
        """KL(self || other) in nats."""
        root = np.linalg.solve(other.root, self.root)
        apart = np.linalg.solve(other.root, self.mean - other.mean)
        scale = np.log(np.diag(other.root)).sum() - np.log(np.diag(self.root)).sum()
        return float(0.5 * ((root**2).sum() + (apart**2).sum() - len(apart)) + scale)


@dataclass(frozen=True)
class Truncated:
    """Tasks from a normal distribution cut off at the borders of the cube, tagged with the distribution's number."""

    box: UnitBox
    normal: Normal
    number: int

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """One task."""
        for _ in range(TRIES):
            point = self.normal.mean + self.normal.root @ rng.standard_normal(len(self.normal.mean))
            if ((point >= 0.0) & (point <= 1.0)).all():
                break
        return Draw(self.box.task(point), self.number)
