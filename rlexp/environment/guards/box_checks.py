"""Checks arrays of a Box at about a microsecond a step: NaN and infinity, shape and type, bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces

Path = tuple[Any, ...]

FEW = 16
"""So many numbers are added up faster in Python than numpy begins."""


class FiniteCheck:
    """Looks at every floating-point leaf of an observation space.

    Args:
        space: the observation space; `Dict` and `Tuple` are searched to any depth.
    """

    def __init__(self, space: spaces.Space) -> None:
        self._leaves = [
            (path, np.zeros(int(np.prod(box.shape)), box.dtype)) for path, box in _float_boxes(space)
        ]
        plain = bool(self._leaves) and not self._leaves[0][0]
        self._zeros = self._leaves[0][1] if plain else None
        self._few = plain and len(space.shape or ()) == 1 and len(self._leaves[0][1]) <= FEW

    def all_finite(self, observation: np.ndarray) -> bool:
        """False where an array has a value that is not finite, or perhaps so: `bad_field` tells.

        Args:
            observation: of a space that is one `Box`, and of its shape and type.
        """
        if self._few:
            total: float = sum(observation.tolist())
            return total - total == 0.0  # Infinity less itself is NaN.
        try:
            return self._zeros is None or not observation.ravel().dot(self._zeros)
        except FloatingPointError:  # The environment has made numpy raise.
            return False

    def bad_field(self, observation: Any) -> tuple[str, float] | None:
        """The first field that is not finite, as `(obs['x'][3], nan)`, or None when all are."""
        for path, zeros in self._leaves:
            leaf = observation
            for key in path:
                leaf = leaf[key]
            try:
                # 0 times what is not finite is NaN; np.isfinite().all() takes three times as long.
                clean = leaf.ravel().dot(zeros) == 0.0
            except (
                ArithmeticError,
                AttributeError,
                ValueError,
                TypeError,
            ):  # Not an array of the declared shape.
                clean = False
            if not clean and (where := _search(leaf)) is not None:
                index, value = where
                return "obs" + "".join(f"[{key!r}]" for key in path) + index, value
        return None


def _float_boxes(space: spaces.Space, path: Path = ()) -> Iterator[tuple[Path, spaces.Box]]:
    if isinstance(space, spaces.Dict):
        for key, inner in space.spaces.items():
            yield from _float_boxes(inner, (*path, key))
    elif isinstance(space, spaces.Tuple):
        for position, inner in enumerate(space.spaces):
            yield from _float_boxes(inner, (*path, position))
    elif isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating):
        yield path, space


def _search(leaf: Any) -> tuple[str, float] | None:
    """The index (as text) and value of the first non-finite element."""
    values = np.asarray(leaf, dtype=np.float64)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad) == 0:
        return None
    where = tuple(int(i) for i in bad[0])
    return ("[" + ", ".join(map(str, where)) + "]" if where else ""), float(values[where])


class BoxCheck:
    """Shape, type and bounds of a Box, looked up once.

    Attributes:
        bounded: whether values can be outside of it.
    """

    def __init__(self, space: spaces.Box) -> None:
        self.space, self.shape, self.dtype = space, space.shape, space.dtype
        self.bounded = bool(
            np.issubdtype(space.dtype, np.floating)
            and space.shape != (0,)
            and (np.isfinite(space.low).any() or np.isfinite(space.high).any())
        )
        few = len(space.shape) == 1 and space.shape[0] <= FEW
        self._limits = list(zip(space.low.tolist(), space.high.tolist(), strict=True)) if few else None

    def outside(self, value: np.ndarray) -> str | None:
        """The first element that is outside, in words."""
        if self._limits is not None:
            for each, (low, high) in zip(value.tolist(), self._limits, strict=True):
                if each < low or each > high:
                    break
            else:
                return None
        out = np.asarray((value < self.space.low) | (value > self.space.high))
        if not out.any():
            return None
        where = tuple(int(i) for i in np.argwhere(out)[0])
        low, high, slack = self.space.low[where], self.space.high[where], tolerance(self.space)[where]
        rounding = " by a rounding error" if low - slack <= value[where] <= high + slack else ""
        index = str(list(where)) if where else ""
        return f"{index} = {float(value[where])!r}{rounding} not between {low} and {high}"


def tolerance(space: spaces.Box) -> Any:
    """How far outside of each bound a value may be and still be a rounding error; as `space.low`."""
    relative = max(1e-5, 10 * float(np.finfo(space.dtype).eps))
    with np.errstate(all="ignore"):
        largest = np.maximum(np.abs(space.low.astype(np.float64)), np.abs(space.high.astype(np.float64)))
    return relative * np.maximum(1.0, np.where(np.isfinite(largest), largest, 1.0))
