"""MiniGrid's MultiRoom with a number of rooms that can be changed while training: a ladder for curricula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
from minigrid.envs import MultiRoomEnv

from envs.minigrid import ActionSubset, EgocentricView, ReportSuccess

STEPS_PER_ROOM = 20
MOST_ROOMS = 8
"""More seldom fit on MiniGrid's 25x25 map."""

SMALLEST_ROOM, LARGEST_ROOM = 4, 10
TASK = {"rooms": (1, MOST_ROOMS), "max_room": (SMALLEST_ROOM, LARGEST_ROOM)}
"""What a task may say, with the lowest and the highest value."""


class MultiRoom(gymnasium.Wrapper):
    """A row of rooms behind closed doors, with a goal in the last one.

    The observation is the agent's view, one-hot (see `EgocentricView`); the actions are left, right, forward
    and toggle. The reward is MiniGrid's, 1 - 0.9 * steps / max_steps at the goal and 0 before it, and
    `info["success"]` tells at an episode's end whether it was reached.

    Args:
        rooms: how many, 1 to 8; an episode is truncated after 20 steps for each.
        max_room: longest side of a room with its walls, 4 to 10 cells.
        flat: see `EgocentricView`.
        agent_view_size: cells seen to each side, an odd number.
        render_mode: as Gymnasium's.
    """

    def __init__(
        self,
        rooms: int = 2,
        max_room: int = 4,
        flat: bool = True,
        agent_view_size: int = 7,
        render_mode: str | None = None,
    ) -> None:
        task = _checked({"rooms": rooms, "max_room": max_room})
        self._base = MultiRoomEnv(
            rooms, rooms, max_room, agent_view_size=agent_view_size, render_mode=render_mode
        )
        view = EgocentricView(ReportSuccess(self._base), flat=flat, direction=False)
        super().__init__(ActionSubset(view, ["left", "right", "forward", "toggle"]))
        self._task = task

    def set_task(self, task: Mapping[str, int]) -> None:
        """Changes `rooms`, `max_room` or both, from the next reset on.

        Raises:
            ValueError: an unknown name, or a value out of range.
        """
        self._task = {**self._task, **_checked(task)}

    def get_task(self) -> dict[str, int]:
        """The task of the next reset."""
        return dict(self._task)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Builds the rooms of the task that was set last."""
        base, rooms = self._base, self._task["rooms"]
        base.minNumRooms = base.maxNumRooms = rooms
        base.maxRoomSize = self._task["max_room"]
        base.max_steps = rooms * STEPS_PER_ROOM
        return self.env.reset(seed=seed, options=options)


def _checked(task: Mapping[str, int]) -> dict[str, int]:
    for name, value in task.items():
        if name not in TASK:
            raise ValueError(f"a task has {' and '.join(TASK)}, not {name!r}")
        low, high = TASK[name]
        if not low <= value <= high or int(value) != value:
            raise ValueError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
    return {name: int(value) for name, value in task.items()}
