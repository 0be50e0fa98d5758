"""What the wrappers that give tasks share: drawing one for each episode, and saying what became of it.

Imported once environments are made: it imports Gymnasium.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from rlexp.environment.errors import FatalEnvError
from rlexp.environment.tasks.directive import Draw
from rlexp.environment.tasks.measure import KEY, score, success
from rlexp.environment.tasks.outcome import Outcome
from rlexp.environment.tasks.payload import Payload
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task

OUTCOME = "task_outcome"
"""Info key of an episode's last step: its `Outcome`."""
NOT_LEARNT = "task_not_learnt"
"""Info key of the reset of an episode that the policy does not learn from."""
OBSERVED = "task"
"""Key of a task's numbers in a Dict observation."""

Apply = Callable[[Any, Task], Mapping[str, Any]]
"""Makes the next reset of a guarded environment one of the task; returns options for that reset."""


class Tasked:
    """Mixed into a wrapper around a guard.

    As long as nobody has handed it a payload, it changes nothing: the environment has its own task, and there
    are no outcomes.

    Args:
        apply: how a task reaches the environment.
        measure: see `rlexp.environment.tasks.measure`.
        observed: the task space, where the policy is shown the task's numbers.
    """

    def __init__(self, apply: Apply, measure: str, observed: TaskSpace | None) -> None:
        self._apply, self._measure, self._observed = apply, measure, observed
        self._payload: Payload | None = None
        self.slot = 0
        """Number of this sub-environment over all env runners."""
        self._count = 0
        self._draw: Draw | None = None
        self._numbers = np.zeros(observed.width if observed else 0, np.float32)
        self._return, self._length = 0.0, 0

    def set_curriculum(self, payload: Payload) -> None:
        """From the next reset on, tasks are drawn from `payload`."""
        self._payload, self._count = payload, 0

    @property
    def task(self) -> Task:
        """Of the present episode; None where it was not drawn."""
        return self._draw.task if self._draw is not None else None

    def _begin(self, env: Any, options: dict[str, Any] | None) -> dict[str, Any] | None:
        """Gives `env` the task of a new episode; returns the options of its reset."""
        self._return, self._length = 0.0, 0
        if self._payload is None:
            return options
        self._draw = self._payload.draw(self.slot, self._count)
        check_learned(self._draw, self._payload)
        self._drawn_by = self._payload
        self._count += 1
        more = self._apply(env, self._draw.task)
        if self._observed is not None:
            self._numbers = self._observed.encode(self._draw.task)
        return {**(options or {}), **more} if more else options

    def _outcome(self, draw: Draw, info: Mapping[str, Any]) -> Outcome:
        went = Went(float(self._return), self._length, self.slot)
        return outcome_of(draw, self._drawn_by, went, info, self._measure)

    def _seen(self, observation: Any) -> Any:
        if self._observed is None:
            return observation
        if isinstance(observation, dict):
            return {**observation, OBSERVED: self._numbers}
        return np.concatenate([observation, self._numbers.astype(observation.dtype)])


class Went(NamedTuple):
    """How an episode went, as far as the rewards tell: its return, its env steps, and its sub-environment."""

    episode_return: float
    length: int
    slot: int


def outcome_of(draw: Draw, payload: Payload, went: Went, info: Mapping[str, Any], measure: str) -> Outcome:
    """The outcome of an episode that was drawn from a payload.

    Args:
        draw: asked for it.
        payload: had it.
        went: return, length and sub-environment.
        info: the episode's last.
        measure: see `rlexp.environment.tasks.measure`.

    Raises:
        FatalEnvError: the info lacks what the measure reads.
    """
    try:
        value = score(measure, went.episode_return, went.length, info)
    except KeyError as missing:
        raise FatalEnvError(
            f"{KEY}={measure}: the environment's last info has no {missing}; it has "
            f"{', '.join(map(str, info)) or 'nothing'}"
        ) from None
    told = success(info)
    return Outcome(draw.task, payload.version, draw.tag, value, *went, told, generation=payload.generation)


def check_learned(draw: Draw, payload: Payload) -> None:
    """Raises FatalEnvError for an episode that the policy is not to learn from, where nobody had said so before."""
    if not draw.train and not payload.leaves_out:
        raise FatalEnvError(
            f"curriculum: the teacher asks for the task {draw.task} without learning from it, and did not say before "
            "that it would; its class needs the attribute leaves_out = True"
        )


def with_task(space: gymnasium.Space, tasks: TaskSpace) -> gymnasium.Space:
    """The observation space with the task's numbers, each from 0 to 1.

    Raises:
        ValueError: it is neither a flat Box of floats nor a Dict.
    """
    numbers = gymnasium.spaces.Box(0.0, 1.0, (tasks.width,), np.float32)
    if isinstance(space, gymnasium.spaces.Dict):
        return gymnasium.spaces.Dict({**space.spaces, OBSERVED: numbers})
    if (
        isinstance(space, gymnasium.spaces.Box)
        and len(space.shape) == 1
        and np.issubdtype(space.dtype, np.floating)
    ):
        low = np.concatenate([space.low, numbers.low.astype(space.dtype)])
        high = np.concatenate([space.high, numbers.high.astype(space.dtype)])
        return gymnasium.spaces.Box(low, high, dtype=space.dtype.type)
    raise ValueError(
        f"curriculum.observe_task needs a flat Box of floats or a Dict, and the observation is {space}"
    )
