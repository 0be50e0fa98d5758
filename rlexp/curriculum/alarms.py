"""Detects a curriculum that thrashes (tasks grow harder and easier again and again) or stalls."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np

from rlexp.environment.tasks.dimension import Dimension
from rlexp.environment.tasks.directive import Directive
from rlexp.environment.tasks.space import TaskSpace

DRAWN = 64
"""Tasks that stand for a directive."""
WINDOW = 100
"""Iterations that an alarm looks back on."""
SWING = 0.1
"""Least move of a level, of its range from 0 to 1, that counts as a swing."""
SWINGS = 6
"""So many turns in the window are thrashing."""
HOPELESS = 0.05
"""Share of the scores' own range up to which an iteration brought nothing."""
STILL = 50
"""So many iterations in a row that brought nothing, with the level where it was, are a stall."""


def level(directive: Directive, space: TaskSpace) -> float:
    """Where a directive lies in the space, from 0 to 1: the mean place of its tasks' parameters in their ranges.

    The place of values that are no numbers is their place in the list, which people write from easy to hard.
    """
    rng = np.random.default_rng(0)  # The same for all, so that an equal directive has an equal level.
    drawn = (space.parameters(directive.sample(rng, env_index).task) for env_index in range(DRAWN))
    return float(np.mean([[_place(dim, task[name]) for name, dim in space.dims.items()] for task in drawn]))


def _place(dim: Dimension, value: Any) -> float:
    numbers = dim.encode(value)
    return float(np.argmax(numbers)) / (len(numbers) - 1) if len(numbers) > 1 else numbers[0]


class Alarms:
    """Watches the level of the directives and the scores, an iteration at a time.

    Thrashing is a level that turns round `SWINGS` times within `WINDOW` iterations, each time by `SWING` or more, while
    the scores differ by `SWING` of their range: where they do not, tasks change because a teacher looks around.
    Stalling is `STILL` iterations in which the score was at the bottom of its range and the level did not move; a
    score's range is what has been seen, at least 0 to 1.

    Args:
        wanders: whether the teacher goes to and fro by design; then only stalling is watched.

    Attributes:
        thrashing: whether it thrashes now.
        stalled: whether it stalls now.
        new: alarms that were raised in the last iteration, a sentence each.
    """

    def __init__(self, wanders: bool = False) -> None:
        self._wanders = wanders
        self.thrashing = self.stalled = False
        self.new: list[str] = []
        self._iteration = 0
        self._turns: deque[int] = deque()
        self._scores: deque[float] = deque(maxlen=WINDOW)
        self._extreme, self._rising = math.nan, True
        self._low, self._high = 0.0, 1.0
        self._still, self._still_at = 0, math.nan

    def observe(self, at: float, score: float | None) -> None:
        """Takes in one iteration.

        Args:
            at: the level of its directive.
            score: mean score of its episodes; None where none ended.
        """
        self._iteration += 1
        self._turn(at)
        while self._turns and self._turns[0] <= self._iteration - WINDOW:
            self._turns.popleft()
        before = self.thrashing, self.stalled
        if score is not None and math.isfinite(score):
            self._scores.append(score)
            self._count_still(at, score)
        self.thrashing = not self._wanders and len(self._turns) >= SWINGS and self._scores_swing()
        self.stalled = self._still >= STILL
        self.new = []
        if self.thrashing and not before[0]:
            self.new.append(
                f"the curriculum thrashes: its tasks grew harder and easier {len(self._turns)} times within "
                f"{WINDOW} iterations; a wider window, more patience or no demotion would calm it"
            )
        if self.stalled and not before[1]:
            self.new.append(
                f"the curriculum stalls: for {STILL} iterations the mean score has been {score:.3g} at most, on the "
                "same tasks; an easier first stage or rehearsal would help"
            )

    def _turn(self, at: float) -> None:
        """A zigzag: the furthest point in the present direction, and a turn once the level is `SWING` back from it."""
        if math.isnan(self._extreme) or ((at >= self._extreme) if self._rising else (at <= self._extreme)):
            self._extreme = at
        elif abs(at - self._extreme) >= SWING:
            self._extreme, self._rising = at, not self._rising
            self._turns.append(self._iteration)

    def _scores_swing(self) -> bool:
        apart = max(self._scores, default=0.0) - min(self._scores, default=0.0)
        return apart >= SWING * (self._high - self._low)

    def _count_still(self, at: float, score: float) -> None:
        self._low, self._high = min(self._low, score), max(self._high, score)
        nothing = score <= self._low + HOPELESS * (self._high - self._low)
        if not nothing or not abs(at - self._still_at) < SWING:
            self._still, self._still_at = int(nothing), at
        else:
            self._still += 1

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            name: list(value) if isinstance(value, deque) else value for name, value in vars(self).items()
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from `state`."""
        vars(self).update(state)
        self._turns, self._scores = deque(self._turns), deque(self._scores, maxlen=WINDOW)
