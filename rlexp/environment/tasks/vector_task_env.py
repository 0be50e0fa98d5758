"""The vector counterpart of `TaskEnv`: a task for each episode of each row of an environment's own vector form."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

from rlexp.environment.guards.vector_guard import Stepped, VectorGuard
from rlexp.environment.guards.vector_infos import info_of
from rlexp.environment.info_keys import FAILURE, NOT_LEARNT, OUTCOME
from rlexp.environment.tasks.directive import Draw
from rlexp.environment.tasks.outcome import Outcome
from rlexp.environment.tasks.payload import Payload
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task
from rlexp.environment.tasks.task_env import (
    OBSERVED,
    EpisodeResult,
    check_trainable,
    outcome_of,
    with_task,
)

TaskSetter = Callable[[Any, int], None]
"""`set_task(task, index)`: the next episode of the sub-environment `index` is of `task`."""


def task_setter(vector: VectorEnv) -> TaskSetter | None:
    """The outermost `set_task` of a vector environment; None where it has none."""
    while not callable(setter := getattr(vector, "set_task", None)):
        if not isinstance(vector, VectorWrapper):
            return None
        vector = vector.env
    return setter


def why_no_tasks(vector: VectorEnv) -> str | None:
    """Why a vector environment can take no tasks; None when it can, as far as can be seen."""
    setter = task_setter(vector)
    if setter is None:
        return "it has no method set_task(task, index)"
    try:
        inspect.signature(setter).bind({}, 0)
    except TypeError:
        return "its set_task takes no task and index"
    except ValueError:
        return None  # Compiled code may have no signature.
    return None


class _Drawn(NamedTuple):
    """A draw, and what it came from."""

    draw: Draw
    payload: Payload


class VectorTaskEnv(VectorWrapper):
    """Draws a task for each row before the step or the reset that begins its episode.

    The draws are those that `TaskEnv` makes in each sub-environment of a `sync` vector. Where the guard has made the
    vector environment anew, the episodes that this begins have tasks of their own too. As long as nobody has handed
    it a payload, it changes nothing.

    Args:
        guard: the vector environment, which has a method `set_task(task, index)`.
        measure: see `rlexp.environment.tasks.episode_measure`.
        observed: the task space, where the policy is shown the task's numbers, as `TaskEnv` shows them.

    Attributes:
        env_indices: number of each row over all env runners.

    Raises:
        ValueError: the observation can take no task.
    """

    env: VectorGuard

    def __init__(self, guard: VectorGuard, measure: str, observed: TaskSpace | None = None) -> None:
        super().__init__(guard)
        count = guard.num_envs
        self.env_indices: Sequence[int] = range(count)
        self._measure, self._observed = measure, observed
        self._payload: Payload | None = None
        self._counts = [0] * count
        self._drawn: list[_Drawn | None] = [None] * count
        # Draws of episodes that a new vector environment has begun, before the step that begins them here.
        self._predrawn: dict[int, _Drawn | None] = {}
        self._begins = self._ended = np.zeros(count, np.bool_)
        self._returns, self._lengths = np.zeros(count), np.zeros(count, np.int64)
        self._numbers = np.zeros((count, observed.width if observed else 0), np.float32)
        guard.before_restart = self._set_tasks_before_restart
        if observed is not None:
            self.single_observation_space = with_task(guard.single_observation_space, observed)
            self.observation_space = batch_space(self.single_observation_space, count)

    def set_curriculum(self, payload: Payload) -> None:
        """From now on, episodes that begin draw their tasks from `payload`."""
        self._payload, self._counts = payload, [0] * self.num_envs

    @property
    def tasks(self) -> list[Task]:
        """Of each row's present episode; None where it was not drawn."""
        return [drawn.draw.task if drawn is not None else None for drawn in self._drawn]

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begins an episode in each row, with tasks of their own."""
        self._begins, self._ended = np.ones(self.num_envs, np.bool_), np.zeros(self.num_envs, np.bool_)
        self._predrawn.clear()
        self._set_tasks(self._draw(range(self.num_envs)))
        observations, infos = self.env.reset(seed=seed, options=options)
        return self._with_task_numbers(observations), self._mark_untrained(infos)

    def step(self, actions: Any) -> Stepped:
        """Steps all; infos get the outcomes of the episodes that end, but for those that the guard has cut."""
        self._begins = self._ended
        if self._begins.any():
            self._set_tasks(self._draw(np.flatnonzero(self._begins).tolist()))
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        self._returns += rewards
        self._lengths += ~self._begins
        self._ended = terminated | truncated
        if self._begins.any():
            infos = self._mark_untrained(infos)
        if self._ended.any():
            infos = self._with_outcomes(infos)
        return self._with_task_numbers(observations), rewards, terminated, truncated, infos

    def _draw(self, rows: Iterable[int]) -> dict[int, _Drawn]:
        """Begins an episode in each of `rows`; returns the draws whose tasks have not been set."""
        to_set: dict[int, _Drawn] = {}
        if self._observed is not None:
            self._numbers = self._numbers.copy()  # The old ones were handed out.
        for row in rows:
            predrawn = row in self._predrawn
            drawn = self._drawn[row] = self._predrawn.pop(row) if predrawn else self._next(row)
            self._returns[row], self._lengths[row] = 0.0, 0
            if drawn is not None and self._observed is not None:
                self._numbers[row] = self._observed.encode(drawn.draw.task)
            if drawn is not None and not predrawn:
                to_set[row] = drawn
        return to_set

    def _next(self, row: int) -> _Drawn | None:
        if self._payload is None:
            return None
        draw = self._payload.draw(self.env_indices[row], self._counts[row])
        check_trainable(draw, self._payload)
        self._counts[row] += 1
        return _Drawn(draw, self._payload)

    def _set_tasks(self, drawn: dict[int, _Drawn]) -> None:
        if not drawn:
            return
        setter = task_setter(self.env.env)
        assert setter is not None
        for row, (draw, _) in drawn.items():
            setter(draw.task, row)

    def _set_tasks_before_restart(self) -> None:
        """Before the reset of a new vector environment, which begins an episode in every row.

        Rows that were in the middle of one get their next draw, which waits for the step that begins it here.
        """
        for row in np.flatnonzero(~self._begins).tolist():
            if row not in self._predrawn:  # Else the last try has drawn.
                self._predrawn[row] = self._next(row)
        drawn = {row: self._predrawn.get(row, self._drawn[row]) for row in range(self.num_envs)}
        self._set_tasks({row: one for row, one in drawn.items() if one is not None})

    def _mark_untrained(self, infos: dict[str, Any]) -> dict[str, Any]:
        """Marks the episodes that have begun and that the policy does not learn from."""
        untrained = [drawn is not None and not drawn.draw.trainable for drawn in self._drawn]
        rows = self._begins & np.array(untrained)
        return {**infos, NOT_LEARNT: rows, f"_{NOT_LEARNT}": rows} if rows.any() else infos

    def _with_outcomes(self, infos: dict[str, Any]) -> dict[str, Any]:
        cut = infos.get(f"_{FAILURE}", False)
        reported = self._ended & ~np.asarray(cut) & np.array([drawn is not None for drawn in self._drawn])
        if not reported.any():
            return infos
        outcomes = np.full(self.num_envs, None, object)
        for row in np.flatnonzero(reported).tolist():
            outcomes[row] = self._outcome(row, info_of(infos, row))
        return {**infos, OUTCOME: outcomes, f"_{OUTCOME}": reported}

    def _outcome(self, row: int, info: dict[str, Any]) -> Outcome:
        drawn = self._drawn[row]
        assert drawn is not None
        result = EpisodeResult(float(self._returns[row]), int(self._lengths[row]), self.env_indices[row])
        return outcome_of(*drawn, result, info, self._measure)

    def _with_task_numbers(self, observations: Any) -> Any:
        if self._observed is None:
            return observations
        if isinstance(observations, dict):
            return {**observations, OBSERVED: self._numbers}
        return np.concatenate([observations, self._numbers.astype(observations.dtype)], axis=1)
