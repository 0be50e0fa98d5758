"""How a vector environment takes tasks: by a method `set_task(task, index)`, beneath whatever wrappers.

Imported once environments are made: it imports Gymnasium.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from gymnasium.vector import VectorEnv, VectorWrapper

TaskSetter = Callable[[Any, int], None]
"""`set_task(task, index)`: the next episode of the sub-environment `index` is of `task`."""


def task_setter(vector: VectorEnv) -> TaskSetter | None:
    """The outermost `set_task` of a vector environment; None where it has none."""
    while not callable(found := getattr(vector, "set_task", None)):
        if not isinstance(vector, VectorWrapper):
            return None
        vector = vector.env
    return found


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
        return None  # Compiled code may tell no signature.
    return None
