"""The seconds of a run by the clock, and what they were spent on, over all resumes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

TRAINING, EVALUATION, CHECKPOINTS = "training_s", "evaluation_s", "checkpoints_s"
REST = "rest_s"
"""Start-up, callbacks and trackers: what is left of the clock's time."""
SHARES = (TRAINING, EVALUATION, CHECKPOINTS, REST)


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
