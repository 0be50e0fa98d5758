"""A teacher's distribution over tasks: small and picklable; env runners draw from it until the next one comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rlexp.base.moved_names import renamed_fields
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task


class Draw(NamedTuple):
    """One drawn task.

    Attributes:
        task: what the episode asks.
        tag: comes back in the episode's outcome, so that the teacher knows why it was drawn.
        trainable: whether the policy learns from the episode.
    """

    task: Task
    tag: Any = None
    trainable: bool = True


class Directive(Protocol):
    """A distribution over tasks. All randomness comes from the generator it is handed."""

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """One task for the sub-environment `env_index`, numbered from 0 over all env runners; few teachers use it."""


@dataclass(frozen=True)
class Fixed:
    """Always the same task."""

    task: Task
    tag: Any = None

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """The task."""
        return Draw(self.task, self.tag)


@dataclass(frozen=True)
class Everywhere:
    """All of a space, uniformly."""

    space: TaskSpace
    tag: Any = None

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """One task of the space."""
        return Draw(self.space.sample(rng), self.tag)


@renamed_fields(upto="cdf")
@dataclass(frozen=True)
class Weighted:
    """Listed tasks with a probability each.

    Attributes:
        tasks: N tasks.
        cdf: [N] cumulative probabilities, float32, the last one 1.
    """

    tasks: Sequence[Task]
    cdf: NDArray[np.float32]
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
        cdf = np.cumsum(weights) / weights.sum()
        cdf[-1] = 1.0
        return cls(tasks, cdf.astype(np.float32), tag)

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """One of the tasks."""
        at = int(np.searchsorted(self.cdf, np.float32(rng.random()), side="right"))
        return Draw(self.tasks[min(at, len(self.tasks) - 1)], self.tag)


@renamed_fields(upto="cdf")
@dataclass(frozen=True)
class Mixed:
    """One of several directives, each with a probability.

    Attributes:
        parts: N directives; each gives its draws its own tag.
        cdf: N cumulative probabilities, the last one 1.
    """

    parts: tuple[Directive, ...]
    cdf: tuple[float, ...]

    @classmethod
    def of(cls, *weighted: tuple[Directive, float]) -> Mixed:
        """From pairs of a directive and its weight; those of weight 0 are left out."""
        positive = [(part, weight) for part, weight in weighted if weight > 0]
        total = sum(weight for _, weight in positive)
        cdf = np.cumsum([weight / total for _, weight in positive]).tolist()
        return cls(tuple(part for part, _ in positive), (*cdf[:-1], 1.0))

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """One task of one of the parts."""
        chance = rng.random()
        part = next(part for part, cdf in zip(self.parts, self.cdf, strict=True) if chance < cdf)
        return part.sample(rng, env_index)


class Cycle:
    """A directive that gives its tasks one after another, however many sub-environments ask.

    Args:
        tasks: at least one. A copy in another process begins with the task of the first sub-environment that asks.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = list(tasks)
        self._next: int | None = None

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """The next task."""
        at = env_index if self._next is None else self._next
        self._next = at + 1
        return Draw(self._tasks[at % len(self._tasks)])
