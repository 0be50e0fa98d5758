"""How RLlib's connectors find the arguments that they were made with, without a search of all source files.

Each of the two dozen connectors of an algorithm calls `inspect.stack()` for its caller's frame, which looks up module,
file and lines of every frame on the stack: some 15 ms an algorithm in a small program, seconds where the stack is deep
(a notebook, a test). Only the frame is read of it.

Imported only once training starts: it imports RLlib.
"""

from __future__ import annotations

import inspect
import sys
from types import FrameType
from typing import Any, NamedTuple

from rlexp.compat.applied import usable


class CallerFrame(NamedTuple):
    """What is read of an `inspect.FrameInfo`."""

    frame: FrameType | None


class FramesOnly:
    """The `inspect` module as `connector_v2` sees it: its `stack` has frames and nothing else."""

    def __getattr__(self, name: str) -> Any:
        return getattr(inspect, name)

    @staticmethod
    def stack() -> list[CallerFrame]:
        """The frame that calls this and the one that called it."""
        here = sys._getframe(1)
        return [CallerFrame(here), CallerFrame(here.f_back)]


def install() -> None:
    """Lets connectors look up their caller's frame alone; doing it twice is harmless."""
    from ray.rllib.connectors import connector_v2

    if usable("rllib.caller_frames") and connector_v2.inspect is inspect:
        connector_v2.inspect = FramesOnly()
