"""Spaces that RLlib mishandles, as spaces that hold the same and that it can take. It imports Gymnasium.

RLlib numbers discrete actions and one-hot columns from 0 whatever the space's `start`, knows no `MultiBinary` actions
and no discrete ones of more than one dimension, fails for Box actions of another number of dimensions than one, and
multiplies float16 with float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

Convert = Callable[[Any], Any]


class Plain(NamedTuple):
    """A space in place of another.

    Attributes:
        space: what RLlib is shown.
        to_plain: from the environment's value to one of `space`.
        from_plain: back.
    """

    space: spaces.Space
    to_plain: Convert
    from_plain: Convert


def plain_observations(space: spaces.Space) -> Plain | None:
    """Discrete observations from 0 on, in one dimension; float32 for float16; a 0 for nothing. None: as it is."""
    if isinstance(space, spaces.Box):
        return _single_precision(space) if 0 not in space.shape else _nothing(space)
    return _discrete(space)


def plain_actions(space: spaces.Space) -> Plain | None:
    """As observations; `MultiBinary` actions become `MultiDiscrete` ones, Box actions have one dimension.

    Parts of a `Dict` or `Tuple` are seen to likewise.
    """
    if isinstance(space, (spaces.Dict, spaces.Tuple)):
        return _of_parts(space)
    if isinstance(space, spaces.MultiBinary):
        return _bits(space)
    if isinstance(space, spaces.Box) and space.dtype is not None and space.dtype.kind == "f":
        return _flat_box(space)
    return _discrete(space)


def _discrete(space: spaces.Space) -> Plain | None:
    if isinstance(space, spaces.Discrete) and space.start != 0:
        start = int(space.start)
        return Plain(
            spaces.Discrete(int(space.n)),
            lambda value: np.int64(value - start),
            lambda value: np.int64(value + start),
        )
    if not isinstance(space, spaces.MultiDiscrete) or (len(space.shape) == 1 and not space.start.any()):
        return None
    shape, starts, dtype = space.shape, space.start, space.dtype
    return Plain(
        spaces.MultiDiscrete(space.nvec.ravel()),
        lambda value: (np.asarray(value, np.int64) - starts).ravel(),
        lambda value: (np.reshape(value, shape) + starts).astype(dtype),
    )


def _bits(space: spaces.MultiBinary) -> Plain:
    shape, dtype = space.shape, space.dtype
    return Plain(
        spaces.MultiDiscrete(np.full(int(np.prod(shape)), 2)),
        lambda value: np.asarray(value, np.int64).ravel(),
        lambda value: np.reshape(value, shape).astype(dtype),
    )


def _single_precision(space: spaces.Box) -> Plain | None:
    if space.dtype != np.float16:
        return None
    wider = spaces.Box(space.low.astype(np.float32), space.high.astype(np.float32), dtype=np.float32)
    return Plain(
        wider, lambda value: np.asarray(value, np.float32), lambda value: np.asarray(value, np.float16)
    )


def _nothing(space: spaces.Box) -> Plain:
    """What sees nothing sees a 0: no network takes an input of no columns."""
    return Plain(
        spaces.Box(0.0, 1.0, (1,), np.float32),
        lambda value: np.zeros(1, np.float32),
        lambda value: np.zeros(space.shape, space.dtype),
    )


def _flat_box(space: spaces.Box) -> Plain | None:
    if len(space.shape) == 1 and space.dtype != np.float16:
        return None
    shape, dtype = space.shape, space.dtype
    kept = np.float32 if dtype == np.float16 else dtype
    low, high = (bound.reshape(-1).astype(kept) for bound in (space.low, space.high))
    return Plain(
        spaces.Box(low, high, dtype=kept),
        lambda value: np.asarray(value, kept).reshape(-1),
        lambda value: np.asarray(value, dtype).reshape(shape),
    )


def _of_parts(space: spaces.Dict | spaces.Tuple) -> Plain | None:
    keys = list(space.spaces) if isinstance(space, spaces.Dict) else list(range(len(space.spaces)))
    changed = {key: plain for key in keys if (plain := plain_actions(space[key])) is not None}
    if not changed:
        return None
    parts = {key: changed[key].space if key in changed else space[key] for key in keys}

    def convert(value: Any, which: int) -> Any:
        new = {key: changed[key][which](value[key]) if key in changed else value[key] for key in keys}
        return new if isinstance(space, spaces.Dict) else tuple(new.values())

    joined = spaces.Dict(parts) if isinstance(space, spaces.Dict) else spaces.Tuple(list(parts.values()))
    return Plain(joined, lambda value: convert(value, 1), lambda value: convert(value, 2))
