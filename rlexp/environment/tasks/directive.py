"""What a teacher sends to env runners: small, picklable, and enough to draw tasks from until the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task


class Draw(NamedTuple):
    """One drawn task.

    Attributes:
        task: what the episode asks.
        tag: comes back in the episode's outcome, so that the teacher knows why it was drawn.
        train: whether the policy learns from the episode.
    """

    task: Task
    tag: Any = None
    train: bool = True


class Directive(Protocol):
    """A distribution over tasks. All randomness comes from the generator it is handed."""

    def sample(self, rng: np.random.Generator, slot: int) -> Draw:
        """One task for the sub-environment `slot`, numbered from 0 over all env runners; few teachers look at it."""


@dataclass(frozen=True)
class Fixed:
    """Always the same task."""

    task: Task
    tag: Any = None

    def sample(self, rng: np.random.Generator, slot: int) -> Draw:
        """The task."""
        return Draw(self.task, self.tag)


@dataclass(frozen=True)
class Everywhere:
    """All of a space, uniformly."""

    space: TaskSpace
    tag: Any = None

    def sample(self, rng: np.random.Generator, slot: int) -> Draw:
        """One task of the space."""
        return Draw(self.space.sample(rng), self.tag)


@dataclass(frozen=True)
class Weighted:
    """Listed tasks with a probability each.

    Attributes:
        tasks: N tasks.
        upto: [N] cumulative probabilities, float32, the last one 1.
    """

    tasks: Sequence[Task]
    upto: NDArray[np.float32]
    tag: Any = None

    @classmethod
    def of(cls, tasks: Sequence[Task], probabilities: Any, tag: Any = None) -> Weighted:
        """From [N] weights, which are made to sum to 1.

        Raises:
            ValueError: a weight is negative or not finite, or all are 0.
        """
        weights = np.asarray(probabilities, np.float64)
        if (
            weights.shape != (len(tasks),)
            or not np.isfinite(weights).all()
            or (weights < 0).any()
            or not weights.any()
        ):
            raise ValueError(f"weights must be {len(tasks)} numbers of at least 0, not all 0: {weights}")
        upto = np.cumsum(weights) / weights.sum()
        upto[-1] = 1.0
        return cls(tasks, upto.astype(np.float32), tag)

    def sample(self, rng: np.random.Generator, slot: int) -> Draw:
        """One of the tasks."""
        at = int(np.searchsorted(self.upto, np.float32(rng.random()), side="right"))
        return Draw(self.tasks[min(at, len(self.tasks) - 1)], self.tag)


@dataclass(frozen=True)
class Mixed:
    """One of several directives, each with a probability.

    Attributes:
        parts: N directives; each gives its draws its own tag.
        upto: N cumulative probabilities, the last one 1.
    """

    parts: tuple[Directive, ...]
    upto: tuple[float, ...]

    @classmethod
    def of(cls, *weighted: tuple[Directive, float]) -> Mixed:
        """From pairs of a directive and its weight; those of weight 0 are left out."""
        kept = [(part, weight) for part, weight in weighted if weight > 0]
        total = sum(weight for _, weight in kept)
        upto = np.cumsum([weight / total for _, weight in kept]).tolist()
        return cls(tuple(part for part, _ in kept), (*upto[:-1], 1.0))

    def sample(self, rng: np.random.Generator, slot: int) -> Draw:
        """One task of one of the parts."""
        chance = rng.random()
        part = next(part for part, upto in zip(self.parts, self.upto, strict=True) if chance < upto)
        return part.sample(rng, slot)
