"""Puts the wrapper that takes tasks around an environment, and tries it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np

from rlexp.base.errors import ConfigError
from rlexp.config.schema import CurriculumChoice
from rlexp.environment.env_errors import SINGLE_ENVS, VECTOR_MODE, describe
from rlexp.environment.guards.vector_guard import VectorGuard
from rlexp.environment.multi_agent import is_multi_agent
from rlexp.environment.tasks.apply_task import (
    KEY,
    METHODS,
    check_method,
    task_applier,
    why_unsupported,
    why_vector_unsupported,
)
from rlexp.environment.tasks.directive import Fixed
from rlexp.environment.tasks.payload import Payload
from rlexp.environment.tasks.space import space_of
from rlexp.environment.tasks.task_env import TaskEnv
from rlexp.environment.tasks.vector_task_env import VectorTaskEnv

SAMPLED_TASKS = 4
"""Tasks of the space that are tried before a run, beside the targets."""


def with_tasks(
    guard: Any, choice: CurriculumChoice, make: Callable[[Mapping[str, Any]], gymnasium.Env]
) -> gymnasium.Env:
    """The environment that draws its tasks.

    Args:
        guard: the environment without tasks, a `Guard` or a `MultiAgentGuard`.
        choice: which tasks there are, and how they reach it.
        make: makes the environment inside the guard anew, with arguments over those of `env.config`.

    Raises:
        ConfigError: it can take no tasks in that way, or its observation cannot show them.
    """
    space = space_of(choice)
    if (reason := why_unsupported(guard.env, choice.apply, space)) is not None:
        others = [
            method
            for method in METHODS
            if method != choice.apply and why_unsupported(guard.env, method, space) is None
        ]
        raise ConfigError(
            f"{KEY}={choice.apply}: {guard.name} can take no tasks in this way: {reason}",
            key=KEY,
            fix=" or ".join(f"{KEY}={method}" for method in others),
        )
    try:
        observed = space if choice.observe_task else None
        return _task_env(guard)(guard, task_applier(choice.apply, space, make), choice.measure, observed)
    except ValueError as error:
        raise _observe_task_error(error) from error


def with_vector_tasks(guard: VectorGuard, choice: CurriculumChoice) -> VectorTaskEnv:
    """The environment's own vector form, drawing tasks for its environments.

    Args:
        guard: the vector form without tasks.
        choice: which tasks there are, and how they reach it.

    Raises:
        ConfigError: it can take no tasks in that way, or its observation cannot show them.
    """
    check_method(choice.apply)
    space = space_of(choice)
    if (reason := why_vector_unsupported(guard.env, choice.apply)) is not None:
        raise ConfigError(
            f"{VECTOR_MODE}: {guard.name} can take no tasks in its vector form by {KEY}={choice.apply}: {reason}",
            key=VECTOR_MODE,
            fix=SINGLE_ENVS,
        )
    try:
        return VectorTaskEnv(guard, choice.measure, space if choice.observe_task else None)
    except ValueError as error:
        raise _observe_task_error(error) from error


def _observe_task_error(error: ValueError) -> ConfigError:
    return ConfigError(str(error), key="curriculum.observe_task", fix="curriculum.observe_task=false")


def _task_env(guard: Any) -> Callable[..., gymnasium.Env]:
    if not is_multi_agent(guard):
        return TaskEnv
    from rlexp.environment.tasks.multi_agent_task_env import MultiAgentTaskEnv

    return MultiAgentTaskEnv


def try_tasks(env: Any, choice: CurriculumChoice, seed: int, check: Callable[[Any], None]) -> None:
    """Resets with the target tasks and some others, and takes the tasks away again.

    Args:
        env: fresh, as `with_tasks` makes it.
        choice: its tasks.
        seed: of the other tasks and the resets.
        check: looks at each first observation.

    Raises:
        ConfigError: the environment refuses one.
    """
    other = SINGLE_ENVS if isinstance(env, VectorTaskEnv) else f"another {KEY}"
    space, rng = space_of(choice), np.random.default_rng(seed)
    for task in [*(choice.targets or []), *(space.sample(rng) for _ in range(SAMPLED_TASKS))]:
        env.set_curriculum(Payload(Fixed(task), 0, 0, seed))
        try:
            observation, _ = env.reset(seed=seed)
        except Exception as error:
            raise ConfigError(
                f"curriculum.tasks: the environment refuses the task {task}: {describe(error)}",
                key="curriculum.tasks",
                fix=f"a smaller curriculum.tasks, or {other}",
            ) from error
        check(observation)
