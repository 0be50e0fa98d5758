"""An environment that notes its first step in training; see `walks.py`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import gymnasium
from following import FIRST_STEP, LOG, SEPARATOR, append, relative


class Marked(gymnasium.Wrapper):
    """CartPole."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(gymnasium.make("CartPole-v1"))

    def step(self, action: Any) -> Any:
        """As the environment's."""
        frame, files = sys._getframe(), []
        while frame is not None:
            files.append(frame.f_code.co_filename)
            frame = frame.f_back  # type: ignore[assignment]
        steps_here = [file for file in files if "/rlexp/engine/sampling/" in file]
        if steps_here and LOG in os.environ:  # Not where it is only tried.
            append(Path(os.environ[LOG]), f"{FIRST_STEP}{SEPARATOR}{relative(steps_here[-1])}")
        return self.env.step(action)
