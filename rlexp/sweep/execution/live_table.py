"""A sweep while it runs: a table that redraws itself on a terminal; elsewhere a line for each trial that ends."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rlexp.base.durations import duration
from rlexp.storage.runs.trial_status import OVER
from rlexp.sweep.results.standings_table import STYLE, figure, number, table
from rlexp.terminal.messages import Terminal

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from rlexp.storage.runs.trial_status import TrialStatus
    from rlexp.sweep.execution.monitor import SweepMonitor

REFRESH_PER_S = 2.0
EVERY_S = 60.0
"""Seconds between two lines on how the sweep stands, where nothing is live."""
MOST_ROWS = 20


class LiveTable:
    """Watches a sweep; a context manager that shows it while inside."""

    def __init__(self, screen: Terminal) -> None:
        self._screen = screen
        self._monitor: SweepMonitor | None = None
        self._live: Live | None = None
        self._lock = threading.RLock()
        self._said_at, self._ended = time.monotonic(), set[str]()

    def __enter__(self) -> LiveTable:
        if self._screen.live:
            from rich.live import Live

            self._live = Live(
                get_renderable=self._render,
                console=self._screen.console,
                refresh_per_second=REFRESH_PER_S,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
            atexit.register(self._live.stop)
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            atexit.unregister(self._live.stop)
            self._live.stop()

    def on_change(self, monitor: SweepMonitor, name: str) -> None:
        """A trial has begun, reported or ended."""
        with self._lock:
            self._monitor = monitor
        status, trial = monitor.statuses[name], monitor.trials[name]
        if status.status in OVER and name not in self._ended:
            self._ended.add(name)
            self._screen.say(
                f"[{_count_over(monitor)}/{len(monitor.statuses) + monitor.undrawn}] "
                f"{name}: {_line(status, monitor.metric)}"
            )
            if status.error:
                self._screen.error(f"{trial.name}: {status.error}")
        elif status.status == "waiting" and status.error:
            self._screen.warn(f"{name}: {status.error}; it goes on from its last checkpoint")
        elif self._live is None and time.monotonic() - self._said_at > EVERY_S:
            self._said_at = time.monotonic()
            self._screen.say(_summary(monitor))

    def _render(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        with self._lock:
            monitor = self._monitor
        if monitor is None:
            return Text("starting ...", "dim")
        running = [name for name, status in list(monitor.statuses.items()) if status.status == "running"]
        ranked = sorted(
            (
                name
                for name, status in list(monitor.statuses.items())
                if status.score is not None and name not in running
            ),
            key=lambda name: -monitor.sign * (monitor.statuses[name].score or 0.0),
        )
        shown = [*running, *ranked][:MOST_ROWS]
        keys = list(dict.fromkeys(key for name in shown for key in monitor.trials[name].varied))
        rows = [_row(name, monitor.statuses[name], monitor.varied(name), keys) for name in shown]
        return Group(
            table(["trial", "status", monitor.metric, "env steps", *keys], rows),
            Text(_summary(monitor), "bold"),
        )


def _row(name: str, status: TrialStatus, varied: Mapping[str, str], keys: list[str]) -> list[str]:
    own = [varied.get(key, "") for key in keys]
    return [number(name), status.status, figure(status.score), f"{status.env_steps:,}", *own]


def _line(status: TrialStatus, metric: str) -> str:
    score = "" if status.score is None else f", {metric} {figure(status.score)}"
    return f"{status.status} at {status.env_steps:,} env steps{score}"


def _summary(monitor: SweepMonitor) -> str:
    counts, left = monitor.counts, monitor.seconds_left()
    line = ", ".join(f"{counts[status]} {status}" for status in STYLE if counts[status])
    return line + (f"; about {duration(left)} left" if left is not None else "")


def _count_over(monitor: SweepMonitor) -> int:
    counts = monitor.counts
    return sum(counts[status] for status in OVER)
