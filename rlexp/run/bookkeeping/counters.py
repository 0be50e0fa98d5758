"""The run's own lifetime counters; they ride in every checkpoint and never restart."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, fields
from typing import Any

from rlexp.base.metric_names import ITERATION_S, SPS, WALL_S


@dataclass
class Counters:
    """Totals over a run's whole life, resumes included.

    Attributes:
        env_steps: environment steps sampled.
        iteration: training iterations done.
        wall_s: seconds since the run began, by the clock, see `rlexp.run.bookkeeping.clock`.
        new_env_steps: of the last iteration.
        new_s: seconds that it took (sampling, learning, evaluating).
    """

    env_steps: int = 0
    iteration: int = 0
    wall_s: float = 0.0
    new_env_steps: int = 0
    new_s: float = 0.0

    def advance(self, env_steps: int, seconds: float, wall_s: float) -> None:
        """Counts one iteration that took `seconds`, and ended at `env_steps` and at `wall_s` by the run's clock."""
        self.new_env_steps, self.new_s = env_steps - self.env_steps, seconds
        self.env_steps, self.iteration, self.wall_s = env_steps, self.iteration + 1, wall_s

    def metrics(self) -> dict[str, float | int]:
        """The counters as metrics of the iteration just counted."""
        return {
            "env_steps": self.env_steps,
            "iteration": self.iteration,
            "timestamp": time.time(),
            WALL_S: self.wall_s,
            ITERATION_S: self.new_s,
            SPS: self.new_env_steps / self.new_s if self.new_s else 0.0,
        }

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return asdict(self)

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from `state`."""
        for field in fields(self):
            setattr(self, field.name, state[field.name])
