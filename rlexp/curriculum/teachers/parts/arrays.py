"""A teacher's arrays in its state: copies, so that neither goes on changing the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np


def copies(teacher: object, names: Iterable[str]) -> dict[str, Any]:
    """The teacher's attributes `_name`, by name."""
    return {name: getattr(teacher, f"_{name}").copy() for name in names}


def take_over(teacher: object, names: Iterable[str], state: Mapping[str, Any]) -> None:
    """The inverse of `copies`."""
    for name in names:
        setattr(teacher, f"_{name}", np.array(state[name]))
