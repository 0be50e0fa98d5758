"""Environment wrappers that draw a task for each episode and report its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from rlexp.environment.env_errors import FatalEnvError
from rlexp.environment.info_keys import FAILURE, NOT_LEARNT, OUTCOME
from rlexp.environment.tasks.directive import Draw
from rlexp.environment.tasks.episode_measure import KEY, score, success
from rlexp.environment.tasks.outcome import Outcome
from rlexp.environment.tasks.payload import Payload
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task

OBSERVED = "task"
"""Key of a task's numbers in a Dict observation."""

Apply = Callable[[Any, Task], Mapping[str, Any]]
"""Makes the next reset of a guarded environment one of the task; returns options for that reset."""


class TaskMixin:
    """Mixed into a wrapper around a guard.

    As long as nobody has handed it a payload, it changes nothing: the environment has its own task, and there
    are no outcomes.

    Args:
        apply: how a task reaches the environment.
        measure: see `rlexp.environment.tasks.episode_measure`.
        observed: the task space, where the policy is shown the task's numbers.
    """

    def __init__(self, apply: Apply, measure: str, observed: TaskSpace | None) -> None:
        self._apply, self._measure, self._observed = apply, measure, observed
        self._payload: Payload | None = None
        self.env_index = 0
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
        self._draw = self._payload.draw(self.env_index, self._count)
        check_trainable(self._draw, self._payload)
        self._drawn_by = self._payload
        self._count += 1
        more = self._apply(env, self._draw.task)
        if self._observed is not None:
            self._numbers = self._observed.encode(self._draw.task)
        return {**(options or {}), **more} if more else options

    def _outcome(self, draw: Draw, info: Mapping[str, Any]) -> Outcome:
        result = EpisodeResult(float(self._return), self._length, self.env_index)
        return outcome_of(draw, self._drawn_by, result, info, self._measure)

    def _with_task_numbers(self, observation: Any) -> Any:
        if self._observed is None:
            return observation
        if isinstance(observation, dict):
            return {**observation, OBSERVED: self._numbers}
        return np.concatenate([observation, self._numbers.astype(observation.dtype)])


class EpisodeResult(NamedTuple):
    """Return (sum of rewards), length in env steps and number of the sub-environment of a finished episode."""

    episode_return: float
    length: int
    env_index: int


def outcome_of(
    draw: Draw, payload: Payload, result: EpisodeResult, info: Mapping[str, Any], measure: str
) -> Outcome:
    """The outcome of an episode that was drawn from a payload.

    Args:
        draw: asked for it.
        payload: had it.
        result: return, length and sub-environment.
        info: the episode's last.
        measure: see `rlexp.environment.tasks.episode_measure`.

    Raises:
        FatalEnvError: the info lacks what the measure reads.
    """
    try:
        value = score(measure, result.episode_return, result.length, info)
    except KeyError as missing:
        raise FatalEnvError(
            f"{KEY}={measure}: the environment's last info has no {missing}; it has "
            f"{', '.join(map(str, info)) or 'nothing'}"
        ) from None
    success_value = success(info)
    return Outcome(
        draw.task, payload.version, draw.tag, value, *result, success_value, generation=payload.generation
    )


def check_trainable(draw: Draw, payload: Payload) -> None:
    """Raises FatalEnvError for an episode that the policy is not to learn from, where nobody had said so before."""
    if not draw.trainable and not payload.excludes_episodes:
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


class TaskEnv(TaskMixin, gymnasium.Wrapper):
    """Draws a task before each reset, in whatever process the environment lives; see `TaskMixin`.

    Args:
        env: the guarded environment.
        apply: how a task reaches it.
        measure: see `rlexp.environment.tasks.episode_measure`.
        observed: the task space, where the policy is shown the task's numbers (a flat Box observation grows by
            them, a Dict one gets the key `task`).

    Raises:
        ValueError: the observation can take no task.
    """

    def __init__(
        self, env: gymnasium.Env, apply: Apply, measure: str, observed: TaskSpace | None = None
    ) -> None:
        gymnasium.Wrapper.__init__(self, env)
        TaskMixin.__init__(self, apply, measure, observed)
        if observed is not None:
            self.observation_space = with_task(env.observation_space, observed)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begins an episode with a task of its own."""
        observation, info = self.env.reset(seed=seed, options=self._begin(self.env, options))
        if self._draw is not None and not self._draw.trainable:
            info = {**info, NOT_LEARNT: True}
        return self._with_task_numbers(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Steps; an episode's last info gets its outcome, unless the environment failed in it."""
        # The tuple is passed on as it is wherever it can be: this runs at each env step.
        step = self.env.step(action)
        self._return += step[1]
        self._length += 1
        if step[2] or step[3]:
            return self._last(*step)
        return step if self._observed is None else (self._with_task_numbers(step[0]), *step[1:])

    def _last(
        self, observation: Any, reward: Any, terminated: bool, truncated: bool, info: dict[str, Any]
    ) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        if self._draw is not None and FAILURE not in info:
            info = {**info, OUTCOME: self._outcome(self._draw, info)}
        return self._with_task_numbers(observation), reward, terminated, truncated, info
