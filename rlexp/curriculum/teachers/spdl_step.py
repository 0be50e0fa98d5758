"""One step of self-paced learning: a constrained optimisation over normal distributions of tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError
from rlexp.curriculum.teachers.parts.gaussian import Normal
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY
from rlexp.curriculum.teachers.parts.unit_box import Floats

SLACK = 1e-6
"""By how much a solution may miss a constraint, relative to its size."""

HALVINGS = 10
"""How often the way to a solution is halved when the solver's own end breaks a constraint."""


@dataclass(frozen=True)
class SPDLStep:
    """The neighbourhood of a distribution and what is known there.

    A neighbour is a vector: its mean, and the lower Cholesky factor A of its covariance (the diagonal's
    logarithms first, then, with `full`, what is below it), both as the present distribution sees them: mean
    = now.mean + now.root @ vector[:D], root = now.root @ A. The zero vector is the present one. So the solver's
    problem is the same whatever the parameters' scales, and however narrow the distribution.

    Attributes:
        now: the distribution that the points were drawn from.
        points: [N, D].
        scores: [N] of the episodes there.
        max_kl: how far to go, as KL(new || now) in nats.
        floor: [D] least standard deviations; zeros for none.
        full: whether covariances between parameters may change.
    """

    now: Normal
    points: Floats
    scores: Floats
    max_kl: float
    floor: Floats
    full: bool

    @property
    def here(self) -> Floats:
        """The present distribution."""
        width = len(self.now.mean)
        return np.zeros(2 * width + (width * (width - 1) // 2 if self.full else 0))

    def normal(self, vector: Floats) -> Normal:
        """The neighbour at `vector`."""
        shift, root = self._seen_from_here(vector)
        return Normal(self.now.mean + self.now.root @ shift, self.now.root @ root)

    def _seen_from_here(self, vector: Floats) -> tuple[Floats, Floats]:
        """Shift [D] and factor [D, D] of a neighbour, where the present one is standard normal."""
        width = len(self.now.mean)
        root = np.diag(np.exp(np.clip(vector[width : 2 * width], -20.0, 20.0)))
        if self.full:
            root[np.tril_indices(width, -1)] = vector[2 * width :]
        return vector[:width], root

    @cached_property
    def _white(self) -> Floats:
        """[D, N] the points, where the present distribution is standard normal."""
        return np.asarray(np.linalg.solve(self.now.root, (self.points - self.now.mean).T), np.float64)

    def kl(self, vector: Floats) -> float:
        """KL(neighbour || now)."""
        shift, root = self._seen_from_here(vector)
        return float(0.5 * ((root**2).sum() + shift @ shift - len(shift)) - np.log(np.diag(root)).sum())

    def performance(self, vector: Floats) -> float:
        """The neighbour's expected score, by self-normalised importance weights.

        Normalised, because the borders of the space cut off more of one distribution than of another, and these
        factors cancel; nor does a constant added to all scores then matter.
        """
        shift, root = self._seen_from_here(vector)
        there = np.linalg.solve(root, self._white - shift[:, None])
        logs = 0.5 * ((self._white**2).sum(0) - (there**2).sum(0))
        weights = np.exp(logs - logs.max())
        return float(weights @ self.scores / weights.sum())

    def best(self) -> Normal:
        """The neighbour of highest expected score."""
        spread = float(np.ptp(self.scores))
        if spread == 0.0:
            return self.now
        vector = self._solve(lambda v: -self.performance(v) / spread, None)
        return self.normal(vector)

    def towards(self, target: Normal, least: float) -> Normal:
        """The neighbour nearest to `target`, as KL(neighbour || target), of expected score `least` or more.

        The present one, when the scores promise `least` nowhere in the neighbourhood.
        """
        start = self.here
        if self.performance(start) < least:
            spread = float(np.ptp(self.scores)) or 1.0
            start = self._solve(lambda v: -self.performance(v) / spread, None)
            if self.performance(start) < least:
                return self.now
        scale = max(self.now.divergence(target), 1e-12)
        return self.normal(self._solve(lambda v: self.normal(v).divergence(target) / scale, least, start))

    def _solve(
        self, loss: Callable[[Floats], float], least: float | None, start: Floats | None = None
    ) -> Floats:
        """The allowed vector of least loss that was found; `start` where nothing better was."""
        start = self.here if start is None else start
        floor = np.minimum(self.floor, self.now.std)  # never made wider by force

        def slacks(vector: Floats) -> Floats:
            """What each constraint has left; all of at least 0 where `vector` is allowed."""
            normal = self.normal(vector)
            slack = [self.max_kl - self.kl(vector)]
            constrained = floor > 0.0
            slack += (normal.std[constrained] / floor[constrained] - 1.0).tolist()
            slack += [*normal.mean, *(1.0 - normal.mean)]
            if least is not None:
                scale = max(float(np.ptp(self.scores)), 1e-3 * abs(least), 1e-9)
                slack.append((self.performance(vector) - least) / scale)
            return np.array(slack)

        constraints = {"type": "ineq", "fun": slacks}
        options = {"maxiter": 50, "ftol": 1e-6}
        solution = minimizer()(loss, start, method="SLSQP", constraints=[constraints], options=options).x
        begin, allowed = loss(start), -np.maximum(SLACK, -slacks(start))
        for _ in range(HALVINGS):
            if np.isfinite(solution).all() and loss(solution) < begin and (slacks(solution) >= allowed).all():
                return solution
            solution = start + 0.5 * (solution - start)
        return start


def minimizer() -> Any:
    """SciPy's `minimize`.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        from scipy.optimize import minimize
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{KEY}: SPDL needs {error.name}, which is not installed",
            key=KEY,
            fix="pip install 'rlexp[curriculum]'",
        ) from None
    return minimize
