"""Listeners and environments that break at a chosen moment, for runs to name by import path."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from envs.testing import Corridor, Step
from rlexp.base.events import Record, RunInfo
from rlexp.engine.run_callback import RunCallback

TRUSTED = "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,breaking]"
HERE = Path(__file__).parent
ON_PATH = {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])}
"""Environment variables for a command that names something of this module."""


class Waits(RunCallback):
    """A callback that hangs in its first iteration, once it has made the file."""

    def __init__(self, mark: str) -> None:
        super().__init__()
        self.mark = Path(mark)

    def on_train_result(self, **kwargs: Any) -> None:
        self.mark.touch()
        time.sleep(120)


class Breaks(RunCallback):
    """A callback that raises in the hook and at the iteration named."""

    def __init__(self, hook: str = "on_record", at: int = 2) -> None:
        super().__init__()
        self.hook, self.at, self.iteration = hook, at, 0

    def on_run_start(self, run: RunInfo) -> None:
        self._raise_in("on_run_start")

    def on_record(self, record: Record) -> None:
        self.iteration = int(record["iteration"])
        self._raise_in("on_record")

    def on_checkpoint(self, path: Path, record: Record) -> None:
        self._raise_in("on_checkpoint")

    def on_train_result(self, **kwargs: Any) -> None:
        self.iteration = kwargs["result"]["training_iteration"]
        self._raise_in("on_train_result")

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None:
        self._raise_in("on_run_end")

    def _raise_in(self, hook: str) -> None:
        if self.hook == hook and (self.iteration >= self.at or hook == "on_run_start"):
            raise ValueError(f"broken on purpose\nin {hook}")


class BrokenTracker:
    """A tracker that raises at the second record."""

    def on_run_start(self, run: RunInfo) -> None:
        self.records = 0

    def on_record(self, record: Record) -> None:
        self.records += 1
        if self.records == 2:
            raise OSError("the tracker is broken")

    def on_checkpoint(self, path: Path, record: Record) -> None: ...

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None: ...


class BreaksForGood(Corridor):
    """Well-behaved for `good` steps in a process, then every step raises, in new environments too."""

    steps = 0

    def __init__(self, good: int = 300, **corridor: Any) -> None:
        super().__init__(**corridor)
        self.good = good

    def step(self, action: int) -> Step:
        BreaksForGood.steps += 1
        if BreaksForGood.steps > self.good:
            raise RuntimeError("the simulator is gone")
        return super().step(action)


class Wide(gymnasium.Env):
    """Observations of as many numbers as the file `width` in the working folder says."""

    def __init__(self) -> None:
        width = int(Path("width").read_text())
        self.observation_space = gymnasium.spaces.Box(-1.0, 1.0, (width,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(2)
        self.time = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.time = 0
        return self.observation_space.sample(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.time += 1
        return self.observation_space.sample(), float(action), self.time >= 10, False, {}
