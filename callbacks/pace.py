"""How far a run is and how long it will take: pure arithmetic behind the progress display."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rlexp.base.events import is_finite_number
from rlexp.base.headline_metrics import WALL_S

WINDOW = 10
"""Iterations that the pace is taken over: enough to be steady, few enough to follow a change."""


@dataclass
class Pace:
    """The course of one run; times are seconds on one monotonic clock, given by the caller.

    Attributes:
        stop: the run's stop rules; `env_steps`, `iterations` and `wall_s` are budgets.
        started: when this process began to train.
        env_steps: done so far, over all resumes.
        iteration: done so far, over all resumes; known after the first record of a resumed run.
        wall_s: training time at the last record, over all resumes.
    """

    stop: Mapping[str, Any]
    started: float
    env_steps: int = 0
    iteration: int = 0
    wall_s: float = 0.0
    latest: dict[str, float] = field(default_factory=dict)
    _marks: deque[tuple[float, int, int]] = field(default_factory=lambda: deque(maxlen=WINDOW + 1))

    def __post_init__(self) -> None:
        self._last = self.started
        self._marks.append((self.started, self.env_steps, self.iteration))

    def add(self, record: Mapping[str, Any], now: float) -> None:
        """Take in one iteration's record at time `now`."""
        first = len(self._marks) == 1 and self.iteration == 0
        self.env_steps = int(record["env_steps"])
        self.iteration = int(record.get("iteration", self.iteration + 1))
        if first and self.iteration > 1:  # A resumed run: iterations before this process took no time here.
            self._marks[0] = (self.started, self._marks[0][1], self.iteration - 1)
        self.wall_s = float(record.get(WALL_S, now - self.started))
        self._last = now
        self._marks.append((now, self.env_steps, self.iteration))
        self.latest.update({k: v for k, v in record.items() if is_finite_number(v)})

    def steps_per_s(self) -> float | None:
        """Env steps per second over the last iterations, evaluation included; None before the first."""
        return self._rate(1)

    def value(self, name: str) -> float | None:
        """The last finite figure reported under `name`, which need not be of the last iteration."""
        return self.latest.get(name)

    def budget(self) -> tuple[str, float, float] | None:
        """Unit, done and total of the budget that the bar shows: steps before iterations before time."""
        for unit, key, done in (
            ("steps", "env_steps", self.env_steps),
            ("iterations", "iterations", self.iteration),
            ("s", "wall_s", self.wall_s),
        ):
            if self.stop.get(key):
                return unit, float(done), float(self.stop[key])
        return None

    def fraction(self, now: float) -> float | None:
        """Share of the shown budget that is done, 0 to 1; None without a budget."""
        budget = self.budget()
        if budget is None:
            return None
        unit, done, total = budget
        if unit == "s":
            done += now - self._last
        return min(1.0, done / total)

    def seconds_left(self, now: float) -> float | None:
        """Seconds until the first budget is used up at the present pace; None while nothing tells."""
        since = now - self._last
        guesses = []
        for key, done, rate in (
            ("env_steps", self.env_steps, self._rate(1)),
            ("iterations", self.iteration, self._rate(2)),
            ("wall_s", self.wall_s, 1.0),
        ):
            if self.stop.get(key) and rate:
                guesses.append((float(self.stop[key]) - done) / rate - since)
        return max(0.0, min(guesses)) if guesses else None

    def _rate(self, column: int) -> float | None:
        then, now = self._marks[0], self._marks[-1]
        seconds = now[0] - then[0]
        return (now[column] - then[column]) / seconds if seconds > 0 else None


def figure(value: float) -> str:
    """A figure to read: about four digits, thousands separated."""
    if value == 0 or 0.01 <= abs(value) < 1000:
        return f"{value:.1f}" if abs(value) >= 10 or value == 0 else f"{value:.2f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2g}"
