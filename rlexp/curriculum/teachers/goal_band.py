"""Tasks of intermediate difficulty: those solved sometimes, their neighbours, and old ones of that kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError
from rlexp.curriculum.teachers.parts.arrays import copies, take_over
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY, integer, number, positive, reachable
from rlexp.curriculum.teachers.parts.unit_box import Floats, UnitBox
from rlexp.environment.tasks.directive import Directive, Draw
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress, measured
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task


@dataclass(frozen=True)
class Pool:
    """Any of N points of the unit cube, equally likely; draws are tagged [generation, number of the point]."""

    box: UnitBox
    points: Floats
    generation: int

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """One task."""
        at = int(rng.integers(len(self.points)))
        return Draw(self.box.task(self.points[at]), [self.generation, at])


class GoalBand:
    """Draws start states or goals that are neither solved nor hopeless, from a pool that is renewed in generations.

    When a pool of N tasks has had `tries` * N episodes, those with a mean score strictly between `low` and
    `high` are good, and the next pool is made: `fresh` tasks by Brownian motion from the good ones, and up to
    `replayed` drawn from all that were ever good. If none was good, the motion starts from the tasks that score
    `high` or more; if there are none either, from where it started last time. An episode counts for the task and
    generation that its tag names; one of an earlier generation, or with a score that is NaN, does not count.

    The motion needs no environment: a new task is an old one moved by a normal step of variance t * step², t being
    1 to `horizon`, reflected at the borders. Where values are whole or listed, one step should not be much
    smaller than their distance.

    Sources: Florensa et al. 2017, "Reverse curriculum generation for reinforcement learning", algorithms 1 and 2;
    the band as "goals of intermediate difficulty" in Florensa et al. 2018 (there 0.25 to 0.75).

    Args:
        space: of numbers.
        seed: of new tasks.
        start: tasks to begin with, e.g. starts beside the goal; None draws the first pool from the full space.
        low: mean score up to which a task is hopeless.
        high: mean score from which it is solved.
        fresh: new tasks in a pool (in the source 200, with far more episodes to an update).
        replayed: at most so many old ones beside them (in the source 100).
        tries: episodes for each task of the pool, on average.
        horizon: most Brownian steps from a good task to a new one.
        step: standard deviation of one step, as a share of each parameter's range.
        uniform: share of the new tasks that comes from the full space.
        memory: good tasks that are remembered; the ones found first are forgotten first.
        measure: what the score is, `curriculum.measure`, so that scores it can never reach are refused.

    Raises:
        ConfigError: an argument or the space does not fit.
    """

    complete, wanders = False, True

    def __init__(
        self,
        space: TaskSpace,
        *,
        seed: int,
        start: Sequence[Task] | None = None,
        low: float = 0.1,
        high: float = 0.9,
        fresh: int = 60,
        replayed: int = 30,
        tries: int = 3,
        horizon: int = 50,
        step: float = 0.01,
        uniform: float = 0.1,
        memory: int = 2000,
        measure: str | None = None,
    ) -> None:
        self._box, self._rng = UnitBox(space, "GoalBand"), np.random.default_rng(seed)
        self._low, self._high = reachable("low", low, 0.1, measure), reachable("high", high, 0.9, measure)
        if self._low >= self._high:
            key = f"{KEY}.low"
            raise ConfigError(f"{key} must lie below high ({high:g}), not at {low:g}", key=key)
        self._fresh, self._replayed = integer("fresh", fresh, 60), integer("replayed", replayed, 30, low=0)
        self._tries, self._horizon = integer("tries", tries, 3), integer("horizon", horizon, 50)
        self._step = positive("step", step, 0.01, high=1.0)
        self._uniform = number("uniform", uniform, 0.1, 0.0, 1.0)
        self._limit = integer("memory", memory, 2000)
        width = len(self._box.names)
        self._memory = np.zeros((0, width))
        self._seeds = self._starts(start) if start is not None else np.zeros((0, width))
        self._generation = 0
        self._shares = np.zeros(3)
        self._take(np.concatenate([self._seeds, self._new()]))

    def _starts(self, start: Sequence[Task]) -> Floats:
        key = f"{KEY}.start"
        if not isinstance(start, (list, tuple)) or not start:
            raise ConfigError(f"{key} must be a list of at least one task, not {start!r}", key=key)
        for at, task in enumerate(start):
            self._box.space.check(task, f"{key}[{at}]")
        return np.stack([self._box.point(task) for task in start])

    def directive(self) -> Directive:
        """The pool."""
        return Pool(self._box, self._points, self._generation)

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Counts the pool's episodes; whether there is a new pool."""
        ours = [o for o in measured(outcomes) if o.tag is not None and o.tag[0] == self._generation]
        at = np.array([outcome.tag[1] for outcome in ours], np.int64)
        np.add.at(self._sums, at, [outcome.score for outcome in ours])
        np.add.at(self._counts, at, 1)
        if self._counts.sum() < self._tries * len(self._points):
            return False
        self._renew()
        return True

    def _renew(self) -> None:
        """Sorts the pool by its scores and makes the next."""
        tried = self._counts > 0
        mean = np.where(tried, self._sums / np.maximum(self._counts, 1), np.nan)
        good = tried & (mean > self._low) & (mean < self._high)
        solved = tried & (mean >= self._high)
        self._shares = np.array(
            [kind.sum() / tried.sum() for kind in (good, solved, tried & ~good & ~solved)]
        )
        if good.any() or solved.any():
            self._seeds = self._points[good if good.any() else solved]
        # Replayed ones are remembered already, so they come in again only if they were forgotten meanwhile.
        rows = {row.tobytes(): row for row in (*self._memory, *self._points[good])}
        self._memory = np.array(list(rows.values())[-self._limit :]).reshape(-1, self._points.shape[1])
        again = min(self._replayed, len(self._memory))
        old = self._memory[np.sort(self._rng.choice(len(self._memory), again, replace=False))]
        self._generation += 1
        self._take(np.concatenate([self._new(), old]))

    def _new(self) -> Floats:
        """[fresh, D] new tasks."""
        anywhere = self._fresh if not len(self._seeds) else round(self._uniform * self._fresh)
        width = len(self._box.names)
        corners = np.zeros(width), np.ones(width)
        drawn = np.array([self._box.draw(self._rng, *corners) for _ in range(anywhere)]).reshape(-1, width)
        if anywhere == self._fresh:
            return drawn
        origin = self._seeds[self._rng.integers(len(self._seeds), size=self._fresh - anywhere)]
        steps = self._rng.integers(1, self._horizon + 1, size=(len(origin), 1))
        moved = origin + np.sqrt(steps) * self._step * self._rng.standard_normal(origin.shape)
        return np.concatenate([1.0 - np.abs(1.0 - moved % 2.0), drawn])

    def _take(self, points: Floats) -> None:
        self._points = points
        self._sums, self._counts = np.zeros(len(points)), np.zeros(len(points), np.int64)

    def metrics(self) -> dict[str, float]:
        """Shares of the last pool that were good, solved and hopeless; generations, and good tasks remembered."""
        shares = dict(zip(("good", "solved", "hopeless"), self._shares.tolist(), strict=True))
        return {**shares, "generation": float(self._generation), "remembered": float(len(self._memory))}

    def state_dict(self) -> dict[str, Any]:
        """The pool with its scores, the seeds, the memory and the random state."""
        return {**copies(self, _ARRAYS), "generation": self._generation, "rng": self._rng.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with that pool."""
        take_over(self, _ARRAYS, state)
        self._generation = int(state["generation"])
        self._rng.bit_generator.state = state["rng"]


_ARRAYS = ("points", "sums", "counts", "seeds", "memory", "shares")
