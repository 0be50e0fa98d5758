"""A function of one's own that chooses the task, in the shape that RLlib's curriculum hook had."""

from __future__ import annotations

import copy
import inspect
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rlexp.base.errors import ConfigError, RlexpError, RunFailedError
from rlexp.config.callables.targets import DEFAULT_TRUSTED, locate
from rlexp.curriculum.teachers.classic_result import ClassicContext, ClassicEnv, train_result
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY, integer
from rlexp.environment.env_errors import describe
from rlexp.environment.tasks.dimension import Box, Choice, Integer
from rlexp.environment.tasks.directive import Directive, Fixed
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task

TASK_FN = f"{KEY}.task_fn"


class Function:
    """Gives every episode the task that `task_fn(train_result, env, env_context)` returned last.

    The function is called once an iteration, in the main process. `train_result` holds the iteration's metrics by
    this project's names and by RLlib's, `env` has `get_task()` and `task_space`, `env_context` is the environment's
    config with `worker_index`, `vector_index` and `num_workers`; see `rlexp.curriculum.teachers.classic_result`.
    What it knows besides its arguments is not saved with the run: the last task is all that is.

    Args:
        space: the tasks it may return; None for any JSON value but None.
        seed: not used.
        task_fn: import path of the function, or the function.
        start: the task before the first iteration has ended; None takes the first value of each parameter.
        env_config: of the environment, for `env_context`.
        num_workers: env runners, for `env_context`.
        trusted: modules that the function may come from.

    Raises:
        ConfigError: there is no such function, it does not take three arguments, or there is no task to start at.
        RunFailedError: by `update`: the function raised, or returned what is no task of the space.
    """

    complete = False

    def __init__(
        self,
        space: TaskSpace | None,
        *,
        seed: int,
        task_fn: str | Callable[[Any, Any, Any], Task],
        start: Task = None,
        env_config: Mapping[str, Any] | None = None,
        num_workers: int = 0,
        trusted: Sequence[str] = DEFAULT_TRUSTED,
    ) -> None:
        self._space = space
        self._fn, self._name = _function(task_fn, trusted)
        self._task = self._start(start)
        self._env_config = dict(env_config or {})
        self._num_workers = integer("num_workers", num_workers, 0, low=0)

    def _start(self, start: Task) -> Task:
        key = f"{KEY}.start"
        if start is None and self._space is None:
            raise ConfigError(
                f"{key}: without curriculum.tasks, say which task comes first", key=key, fix=f"{key}: 0"
            )
        if start is None and self._space is not None:
            return _first(self._space)
        try:
            task = _plain(start)
        except ValueError as error:
            raise ConfigError(f"{key}: {error}", key=key) from None
        if self._space is not None:
            self._space.check(task, key)
        return task

    def directive(self) -> Directive:
        """The last task."""
        return Fixed(copy.deepcopy(self._task))

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Calls the function; whether it returned another task."""
        env = ClassicEnv(copy.deepcopy(self._task), self._space)
        context = ClassicContext(self._env_config, self._num_workers)
        try:
            returned = self._fn(train_result(progress), env, context)
        except Exception as error:
            raise RunFailedError(f"{TASK_FN}: {self._name} failed: {describe(error)}") from error
        task = self._checked(returned)
        # As text, because 1 and true are equal in Python and are two tasks.
        changed = json.dumps(task, sort_keys=True) != json.dumps(self._task, sort_keys=True)
        self._task = task
        return changed

    def _checked(self, returned: Any) -> Task:
        if returned is None:
            raise RunFailedError(
                f"{TASK_FN}: {self._name} returned no task; it must return one, the old one too"
            )
        try:
            task = _plain(returned)
            if self._space is not None:
                self._space.check(task, "the task")
        except (ValueError, RlexpError) as error:
            raise RunFailedError(f"{TASK_FN}: {self._name} returned {returned!r}: {error}") from None
        return task

    def metrics(self) -> dict[str, float]:
        """The task, where it is a number, or its numbers by parameter."""
        if isinstance(self._task, dict):
            return {f"task/{name}": float(v) for name, v in self._task.items() if isinstance(v, (int, float))}
        return {"task": float(self._task)} if isinstance(self._task, (int, float)) else {}

    def state_dict(self) -> dict[str, Any]:
        """The last task."""
        return {"task": copy.deepcopy(self._task)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with that task."""
        self._task = copy.deepcopy(state["task"])


def _function(task_fn: Any, trusted: Sequence[str]) -> tuple[Callable[[Any, Any, Any], Task], str]:
    """The function and its name."""
    if isinstance(task_fn, str):
        try:
            function = locate(task_fn, trusted)
        except ConfigError as error:
            text = f"{TASK_FN}: {str(error).partition(chr(10))[0]}"
            raise ConfigError(text, key=TASK_FN, suggestions=error.suggestions, fix=error.fix) from None
    else:
        function = task_fn
    example = f"{TASK_FN}: envs.mine.task_fn, a function of (train_result, env, env_context)"
    if not callable(function) or inspect.isclass(function):
        raise ConfigError(f"{TASK_FN} must name a function, not {task_fn!r}", key=TASK_FN, fix=example)
    name = task_fn if isinstance(task_fn, str) else getattr(function, "__qualname__", repr(function))
    try:
        inspect.signature(function).bind(None, None, None)
    except TypeError:
        raise ConfigError(
            f"{TASK_FN}: {name} does not take (train_result, env, env_context)", key=TASK_FN, fix=example
        ) from None
    return function, name


def _first(space: TaskSpace) -> Task:
    """The first value of each parameter: the lowest, where they have an order."""
    first: dict[str, Any] = {}
    for name, dim in space.dims.items():
        if isinstance(dim, Choice):
            first[name] = dim.options[0]
        else:
            assert isinstance(dim, (Box, Integer))
            first[name] = dim.low
    return space.task(first)


def _plain(value: Any) -> Any:
    """A copy of a JSON value, of Python's own types; numpy's numbers and arrays become those.

    Raises:
        ValueError: it is no JSON value; says which part.
    """
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise ValueError(f"the name {name!r} in it is no text")
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise ValueError(f"{value!r} in it is no JSON value")
