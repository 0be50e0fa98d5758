"""Checks a part of one's own against what rlexp expects of it: one call in a test of the lab.

>>> from rlexp.testing import check_strategy
>>> check_strategy("rlexp.exploration.off.Off")

Each check takes a class, or its import path as a config would name it, and the arguments that a config would give it.
It raises `AssertionError` with all flaws that it finds, each with what to change. `check_environment` takes a second;
`check_callback` and `check_module` import RLlib, `check_layer` and `check_gradient` torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rlexp.testing.callback import check_callback
from rlexp.testing.environment import check_environment
from rlexp.testing.module import check_module
from rlexp.testing.strategy import check_strategy
from rlexp.testing.teacher import check_teacher

if TYPE_CHECKING:
    from rlexp.testing.gradients import check_gradient, check_layer

__all__ = [
    "check_callback",
    "check_environment",
    "check_gradient",
    "check_layer",
    "check_module",
    "check_strategy",
    "check_teacher",
]


def __getattr__(name: str) -> Any:
    """The two that import torch, once they are asked for."""
    if name in ("check_gradient", "check_layer"):
        return getattr(import_module("rlexp.testing.gradients"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
