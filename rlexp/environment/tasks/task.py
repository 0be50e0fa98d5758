"""A task: what one episode asks of the agent, as a plain value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Task = Any
"""A number, a string, or a mapping of parameter names to them: whatever JSON holds, so that it travels and is saved."""


def task_key(task: Task) -> str:
    """The same text for equal tasks, whatever the order of their parameters; `rooms=2,max_room=4` for a mapping."""
    if isinstance(task, (dict, Mapping)):  # `dict` is found sooner
        return ",".join(f"{name}={_short(task[name])}" for name in sorted(task, key=str))
    return _short(task)


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value, sort_keys=True, default=str)
