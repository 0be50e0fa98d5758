"""MiniGrid's view of the cells before the agent, made without copying and turning the grid: the same numbers, sooner.

MiniGrid cuts the view out of its grid as a grid of its own, turns that up to four times and walks over it twice more,
which is most of the time of a step. Here each row of the view is read where it lies, once, nearest row first, and no
row beyond the last one that can be seen.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import numpy as np
from minigrid.core.constants import DIR_TO_VEC, OBJECT_TO_IDX
from minigrid.core.grid import Grid
from minigrid.core.world_object import Wall, WorldObj
from minigrid.minigrid_env import MiniGridEnv

_OUTSIDE = Wall()
_EMPTY = (OBJECT_TO_IDX["empty"], 0, 0)
_VECTORS = [(int(x), int(y)) for x, y in DIR_TO_VEC]


def quicken(env: Any) -> None:
    """Gives one environment this view in place of MiniGrid's; not where it has another of its own."""
    cls = type(env)
    own = cls.gen_obs is MiniGridEnv.gen_obs and cls.gen_obs_grid is MiniGridEnv.gen_obs_grid
    if own and type(getattr(env, "grid", None)) in (type(None), Grid):
        env.gen_obs = MethodType(observation, env)


def observation(env: MiniGridEnv) -> dict[str, Any]:
    """As `MiniGridEnv.gen_obs`: image [size, size, 3] of uint8, direction and mission."""
    size = env.agent_view_size
    image = np.frombuffer(_image(env, size), np.uint8).reshape(size, size, 3)
    return {"image": image, "direction": env.agent_dir, "mission": env.mission}


def _image(env: MiniGridEnv, size: int) -> bytearray:
    """Object, colour and state of each cell, column by column; zeros where nothing is seen."""
    image, middle, everything = bytearray(size * size * 3), size // 2, env.see_through_walls
    seen = [everything] * size
    seen[middle] = True
    for distance in range(size):
        cells = _row(env, distance, middle, size)
        beyond = [everything] * size
        if not everything:
            _spread(cells, seen, beyond)
        if distance == 0:  # The agent sees what it carries where it stands.
            cells[middle] = env.carrying
        at = (size - 1 - distance) * 3
        for cell, visible in zip(cells, seen, strict=True):
            if visible:
                image[at : at + 3] = bytes(_EMPTY if cell is None else cell.encode())
            at += size * 3
        if True not in beyond:
            break
        seen = beyond
    return image


def _row(env: MiniGridEnv, distance: int, middle: int, size: int) -> list[WorldObj | None]:
    """The cells so many steps before the agent, from its left to its right."""
    ahead, right = _VECTORS[env.agent_dir], _VECTORS[(env.agent_dir + 1) % 4]
    grid = env.grid
    width, height, cells = grid.width, grid.height, grid.grid
    x = int(env.agent_pos[0]) + ahead[0] * distance - right[0] * middle
    y = int(env.agent_pos[1]) + ahead[1] * distance - right[1] * middle
    row: list[WorldObj | None] = []
    for _ in range(size):
        row.append(cells[y * width + x] if 0 <= x < width and 0 <= y < height else _OUTSIDE)
        x += right[0]
        y += right[1]
    return row


def _spread(cells: list[WorldObj | None], seen: list[bool], beyond: list[bool]) -> None:
    """MiniGrid's rule of sight: past a seen cell that hides nothing, the next in its row and those behind are seen."""
    last = len(cells) - 1
    clear = [cell is None or cell.see_behind() for cell in cells]
    for i in range(last):
        if seen[i] and clear[i]:
            seen[i + 1] = beyond[i] = beyond[i + 1] = True
    for i in range(last, 0, -1):
        if seen[i] and clear[i]:
            seen[i - 1] = beyond[i] = beyond[i - 1] = True
