"""Checks a part of one's own against what rlexp expects of it: one call in a test of the lab.

>>> from rlexp.testing import check_strategy
>>> check_strategy("rlexp.exploration.off.Off")

Each check takes a class, or its import path as a config would name it, and the arguments that a config would give it.
It raises `AssertionError` with all flaws that it finds, each with what to change. `check_environment` takes a second;
`check_callback` and `check_module` import RLlib.
"""

from __future__ import annotations

from rlexp.testing.callback import check_callback
from rlexp.testing.environment import check_environment
from rlexp.testing.module import check_module
from rlexp.testing.strategy import check_strategy
from rlexp.testing.teacher import check_teacher

__all__ = ["check_callback", "check_environment", "check_module", "check_strategy", "check_teacher"]
