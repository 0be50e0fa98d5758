"""Automatic domain randomisation: a box of tasks that grows where the agent copes with its bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError
from rlexp.curriculum.teachers.parts.arrays import copies, take_over
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY, integer, positive, reachable
from rlexp.curriculum.teachers.parts.unit_box import Floats, UnitBox
from rlexp.environment.tasks.directive import Directive, Draw
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress, measured
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task

FLAT = 1e-9
"""Widths below this are rounding errors of repeated steps."""


@dataclass(frozen=True)
class Pinned:
    """Uniform between two corners; with probability `boundary`, one parameter is put on one of its bounds.

    Such draws are tagged [bound, moves]: 2 * parameter, plus 1 for the upper bound, and how often it had moved.

    Attributes:
        corners: [2, D] lower and upper bounds.
        movable: bounds that may still move either way.
        moves: [2 D] how often each has moved.
    """

    box: UnitBox
    corners: Floats
    boundary: float
    movable: tuple[int, ...]
    moves: tuple[int, ...]

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """One task."""
        point, tag = self.box.draw(rng, *self.corners), None
        if self.movable and rng.random() < self.boundary:
            bound = self.movable[int(rng.integers(len(self.movable)))]
            point[bound // 2] = self.corners[bound % 2, bound // 2]
            tag = [bound, self.moves[bound]]
        return Draw(self.box.task(point), tag)


class ADR:
    """Starts at one task and widens the range of each parameter, bound by bound.

    With probability `boundary` an episode's task has one parameter on one bound of its range. When `queue` such
    episodes of a bound have ended, and their mean score is at least `expand`, the bound moves outwards by `step`;
    at most `shrink`, inwards, never past the initial task. Either way its scores are dropped. An episode counts
    only for the bound that its tag names, and only if that bound has not moved since; a score that is NaN
    does not count.

    Source: Akkaya et al. 2019, "Solving Rubik's Cube with a robot hand", algorithm 1.

    Args:
        space: of numbers.
        seed: not used: env runners draw.
        initial: the task to start at; None takes the lowest value of each parameter.
        boundary: probability of a draw on a bound.
        queue: episodes on a bound between two decisions.
        expand: mean score from which a bound moves outwards.
        shrink: mean score up to which it moves inwards.
        step: how far, as a share of the parameter's range (of its logarithm for `log_box`).
        measure: what the score is, `curriculum.measure`, so that scores it can never reach are refused.

    Raises:
        ConfigError: an argument or the space does not fit.
    """

    wanders = (
        True  # A bound that has come to the edge of what succeeds hovers there, a step out and a step back.
    )

    def __init__(
        self,
        space: TaskSpace,
        *,
        seed: int,
        initial: Task = None,
        boundary: float = 0.5,
        queue: int = 10,
        expand: float = 0.8,
        shrink: float = 0.5,
        step: float = 0.05,
        measure: str | None = None,
    ) -> None:
        self._box = UnitBox(space, "ADR")
        self._start = np.zeros(len(self._box.names))
        if initial is not None:
            space.check(initial, f"{KEY}.initial")
            self._start = self._box.point(initial)
        self._boundary = positive("boundary", boundary, 0.5, high=1.0)
        self._queue = integer("queue", queue, 10)
        self._expand = reachable("expand", expand, 0.8, measure)
        self._shrink = reachable("shrink", shrink, 0.5, measure)
        if self._shrink >= self._expand:
            raise ConfigError(
                f"{KEY}.shrink must lie below expand ({expand:g}), not at {shrink:g}",
                key=f"{KEY}.shrink",
                fix=f"{KEY}.shrink={0.6 * expand:g}" if expand > 0 else None,
            )
        self._step = positive("step", step, 0.05, high=1.0)
        self._corners = np.stack([self._start, self._start])
        self._moves = np.zeros(2 * len(self._start), np.int64)
        self._scores = np.zeros((len(self._moves), self._queue))
        self._filled = np.zeros(len(self._moves), np.int64)

    @property
    def complete(self) -> bool:
        """Whether the box is the full space."""
        return bool(self._corners[0].max() <= FLAT and self._corners[1].min() >= 1.0 - FLAT)

    def directive(self) -> Directive:
        """The box and its bounds."""
        bounds = range(len(self._moves))
        movable = tuple(
            b for b in bounds if self._moved(b, True) is not None or self._moved(b, False) is not None
        )
        return Pinned(self._box, self._corners.copy(), self._boundary, movable, tuple(self._moves.tolist()))

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Counts the episodes on bounds; whether one moved."""
        changed = False
        for outcome in measured(outcomes):
            if outcome.tag is None:
                continue
            bound, moves = outcome.tag
            if moves == self._moves[bound]:
                self._scores[bound, self._filled[bound]] = outcome.score
                self._filled[bound] += 1
                changed |= self._filled[bound] == self._queue and self._decide(bound)
        return bool(changed)

    def _decide(self, bound: int) -> bool:
        """Looks at a full queue and empties it; whether the bound moved."""
        mean, self._filled[bound] = self._scores[bound].mean(), 0
        if self._shrink < mean < self._expand:
            return False
        at = self._moved(bound, bool(mean >= self._expand))
        if at is None:
            return False
        self._corners[bound % 2, bound // 2] = at
        self._moves[bound] += 1
        return True

    def _moved(self, bound: int, outwards: bool) -> float | None:
        """Where the bound would go; None if it stands at the end of its way."""
        side, at = bound % 2, bound // 2
        now, start = self._corners[side, at], self._start[at]
        sign = (1.0 if side else -1.0) * (1.0 if outwards else -1.0)
        low, high = (start, 1.0) if side else (0.0, start)
        to = float(np.clip(now + sign * self._step, low, high))
        return None if abs(to - now) < FLAT else to

    def metrics(self) -> dict[str, float]:
        """The bounds of each parameter, the box's share of the space, and how often a bound has moved."""
        low, high = (self._box.values(corner) for corner in self._corners)
        bounds = {f"low/{name}": float(v) for name, v in zip(self._box.names, low, strict=True)}
        bounds |= {f"high/{name}": float(v) for name, v in zip(self._box.names, high, strict=True)}
        share = float(np.prod(self._corners[1] - self._corners[0]))
        return {"volume": share, "moves": float(self._moves.sum()), **bounds}

    def state_dict(self) -> dict[str, Any]:
        """The bounds and what has been scored on them."""
        return copies(self, _ARRAYS)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with those bounds."""
        take_over(self, _ARRAYS, state)


_ARRAYS = ("corners", "moves", "scores", "filled")
