"""The ways in which a task is set in an environment, always before a reset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task import Task

if TYPE_CHECKING:
    import gymnasium
    from gymnasium.vector import VectorEnv

    from rlexp.environment.tasks.task_env import Apply

KEY = "curriculum.apply"
METHODS = ("set_task", "attributes", "reset_options", "factory")


def check_method(method: str) -> None:
    """Raises ConfigError for an unknown method."""
    if method not in METHODS:
        raise ConfigError(
            f"{KEY} must be one of {', '.join(METHODS)}, not {method!r}",
            key=KEY,
            suggestions=nearest(str(method), list(METHODS)),
        )


def task_applier(method: str, space: TaskSpace, make: Callable[[Mapping[str, Any]], gymnasium.Env]) -> Apply:
    """The function that sets a task in a guarded environment.

    Args:
        method: one of `METHODS`.
        space: maps a task to its parameters.
        make: makes the unguarded environment anew, with these arguments over those of `env.config`.
    """

    def set_task(env: Any, task: Task) -> Mapping[str, Any]:
        env.change(lambda inner: inner.get_wrapper_attr("set_task")(task))
        return {}

    def attributes(env: Any, task: Task) -> Mapping[str, Any]:
        def assign(inner: Any) -> None:
            for name, value in space.parameters(task).items():
                setattr(inner.unwrapped, name, value)

        env.change(assign)
        return {}

    def reset_options(env: Any, task: Task) -> Mapping[str, Any]:
        return space.parameters(task)

    def factory(env: Any, task: Task) -> Mapping[str, Any]:
        env.rebuild(lambda: make(space.parameters(task)))
        return {}

    return {f.__name__: f for f in (set_task, attributes, reset_options, factory)}[method]


_ONLY_SINGLE = {
    "attributes": "its environments share their attributes",
    "reset_options": "it resets an environment by itself when its episode has ended, without options",
    "factory": "its environments are not made one by one",
}
"""Why a vector form can take no tasks in the other ways."""


def why_vector_unsupported(vector: VectorEnv, method: str) -> str | None:
    """Why an environment's own vector form cannot take tasks in this way; None when it can, as far as can be seen."""
    from rlexp.environment.tasks.vector_task_env import why_no_tasks

    return _ONLY_SINGLE.get(method) or why_no_tasks(vector)


def why_unsupported(env: gymnasium.Env, method: str, space: TaskSpace) -> str | None:
    """Why an environment cannot take tasks in this way; None when it can, as far as can be seen."""
    if method == "set_task" and not env.has_wrapper_attr("set_task"):
        return "it has no set_task method"
    if method == "attributes":
        missing = [name for name in space.dims if not hasattr(env.unwrapped, name)]
        if missing:
            return f"it has no attribute {' and no '.join(missing)}"
    return None
