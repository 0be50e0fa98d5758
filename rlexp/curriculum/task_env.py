"""The outermost wrapper of an environment that is given tasks: draws one for each episode and says what became of it.

Imported once environments are made: it imports Gymnasium.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np

from rlexp.curriculum.directive import Draw
from rlexp.curriculum.measure import KEY, score, success
from rlexp.curriculum.outcome import Outcome
from rlexp.curriculum.payload import Payload
from rlexp.curriculum.space import TaskSpace
from rlexp.curriculum.task import Task
from rlexp.environment.errors import FatalEnvError
from rlexp.environment.guard import FAILURE

OUTCOME = "task_outcome"
"""Info key of an episode's last step: its `Outcome`."""
NOT_LEARNT = "task_not_learnt"
"""Info key of the reset of an episode that the policy does not learn from."""
OBSERVED = "task"
"""Key of a task's numbers in a Dict observation."""

Apply = Callable[[gymnasium.Env, Task], Mapping[str, Any]]
"""Makes the next reset of an environment one of the task; returns options for that reset."""


class TaskEnv(gymnasium.Wrapper):
    """Draws a task before each reset, in whatever process the environment lives.

    As long as nobody has handed it a payload, it changes nothing: the environment has its own task, and there
    are no outcomes.

    Args:
        env: the guarded environment.
        apply: how a task reaches it.
        measure: see `rlexp.curriculum.measure`.
        observed: the task space, where the policy is shown the task's numbers (a flat Box observation grows by
            them, a Dict one gets the key `task`).

    Raises:
        ValueError: the observation can take no task.
    """

    def __init__(
        self, env: gymnasium.Env, apply: Apply, measure: str, observed: TaskSpace | None = None
    ) -> None:
        super().__init__(env)
        self._apply, self._measure, self._observed = apply, measure, observed
        self._payload: Payload | None = None
        self.slot = 0
        """Number of this sub-environment over all env runners."""
        self._count = 0
        self._draw: Draw | None = None
        self._numbers = np.zeros(observed.width if observed else 0, np.float32)
        self._return, self._length = 0.0, 0
        if observed is not None:
            self.observation_space = with_task(env.observation_space, observed)

    def set_curriculum(self, payload: Payload) -> None:
        """From the next reset on, tasks are drawn from `payload`."""
        self._payload, self._count = payload, 0

    @property
    def task(self) -> Task:
        """Of the present episode; null where it was not drawn."""
        return self._draw.task if self._draw is not None else None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begins an episode with a task of its own."""
        self._return, self._length = 0.0, 0
        if self._payload is not None:
            self._draw = self._payload.draw(self.slot, self._count)
            if not self._draw.train and not self._payload.leaves_out:
                raise FatalEnvError(
                    f"curriculum: the teacher asks for the task {self._draw.task} without learning from it, and did "
                    "not say before that it would; its class needs the attribute leaves_out = True"
                )
            self._version = self._payload.version
            self._count += 1
            more = self._apply(self.env, self._draw.task)
            options = {**(options or {}), **more} if more else options
            if self._observed is not None:
                self._numbers = self._observed.encode(self._draw.task)
        observation, info = self.env.reset(seed=seed, options=options)
        if self._draw is not None and not self._draw.train:
            info = {**info, NOT_LEARNT: True}
        return self._seen(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Steps; an episode's last info gets its outcome, unless the environment failed in it."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._return += float(reward)
        self._length += 1
        if (terminated or truncated) and self._draw is not None and FAILURE not in info:
            info = {**info, OUTCOME: self._outcome(self._draw, info)}
        return self._seen(observation), reward, terminated, truncated, info

    def _outcome(self, draw: Draw, info: Mapping[str, Any]) -> Outcome:
        try:
            value = score(self._measure, self._return, self._length, info)
        except KeyError as missing:
            raise FatalEnvError(
                f"{KEY}={self._measure}: the environment's last info has no {missing}; it has "
                f"{', '.join(map(str, info)) or 'nothing'}"
            ) from None
        return Outcome(
            draw.task, self._version, draw.tag, value, self._return, self._length, self.slot, success(info)
        )

    def _seen(self, observation: Any) -> Any:
        if self._observed is None:
            return observation
        if isinstance(observation, dict):
            return {**observation, OBSERVED: self._numbers}
        return np.concatenate([observation, self._numbers.astype(observation.dtype)])


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
