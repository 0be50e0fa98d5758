"""What a run counts over its life, resumes included: env steps, iterations, and the seconds and what they went to.

All of it rides in every checkpoint and never restarts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import Any

from rlexp.base.headline_metrics import ITERATION_S, SPS, WALL_S

TRAINING, EVALUATION, CHECKPOINTS = "training_s", "evaluation_s", "checkpoints_s"
REST = "rest_s"
"""Start-up, callbacks and trackers: what is left of the clock's time."""
SHARES = (TRAINING, EVALUATION, CHECKPOINTS, REST)


@dataclass
class Counters:
    """Totals over all resumes of a run.

    Attributes:
        env_steps: environment steps sampled.
        iteration: training iterations done.
        wall_s: seconds since the run began, by the clock, see `Clock`.
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


class Clock:
    """Counts from `since` on (`time.monotonic()`, which no change of the date moves), plus what a checkpoint says."""

    def __init__(self, since: float | None = None) -> None:
        self._since = time.monotonic() if since is None else since
        self._before = 0.0
        self.spent = dict.fromkeys((TRAINING, EVALUATION, CHECKPOINTS), 0.0)

    @property
    def wall_s(self) -> float:
        """Seconds since the run began, without those between a stop and a resume."""
        return self._before + time.monotonic() - self._since

    def add(self, what: str, seconds: float) -> None:
        """Counts seconds as spent on one of `spent`."""
        self.spent[what] += seconds

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        """Counts the time inside, also of what fails."""
        begin = time.monotonic()
        try:
            yield
        finally:
            self.add(what, time.monotonic() - begin)

    def shares(self) -> dict[str, float]:
        """Seconds of training, evaluation, checkpoints and the rest; they add up to `wall_s`."""
        return {**self.spent, REST: max(0.0, self.wall_s - sum(self.spent.values()))}

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {"wall_s": self.wall_s, **self.spent}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`; what this process has spent until now (its start-up) counts, too."""
        self._before += float(state.get("wall_s", 0.0))
        for what in self.spent:
            self.spent[what] += float(state.get(what, 0.0))
