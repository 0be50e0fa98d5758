"""A sweep while it runs: a table that redraws itself on a terminal; elsewhere a line for each trial that ends."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rlexp.base.durations import duration
from rlexp.storage.runs.trial_status import OVER
from rlexp.sweep.terminal_table import STYLE, figure, number, table
from rlexp.terminal.messages import Terminal

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from rlexp.storage.runs.trial_status import Standing
    from rlexp.sweep.execution.monitor import Course

REFRESH_PER_S = 2.0
EVERY_S = 60.0
"""Seconds between two lines on how the whole stands, where nothing is live."""
MOST_ROWS = 20


class Board:
    """Watches a course; a context manager that shows it while inside."""

    def __init__(self, screen: Terminal) -> None:
        self._screen, self._course = screen, None  # type: tuple[Terminal, Course | None]
        self._live: Live | None = None
        self._lock = threading.RLock()
        self._said, self._ended = time.monotonic(), set[str]()

    def __enter__(self) -> Board:
        if self._screen.live:
            from rich.live import Live

            self._live = Live(
                get_renderable=self._drawn,
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

    def changed(self, course: Course, name: str) -> None:
        """A trial has begun, reported or ended."""
        with self._lock:
            self._course = course
        told, trial = course.told[name], course.trials[name]
        if told.status in OVER and name not in self._ended:
            self._ended.add(name)
            self._screen.say(
                f"[{_over(course)}/{len(course.told) + course.to_come}] {name}: {_line(told, course.metric)}"
            )
            if told.error:
                self._screen.error(f"{trial.name}: {told.error}")
        elif told.status == "waiting" and told.error:
            self._screen.warn(f"{name}: {told.error}; it goes on from its last checkpoint")
        elif self._live is None and time.monotonic() - self._said > EVERY_S:
            self._said = time.monotonic()
            self._screen.say(_whole(course))

    def _drawn(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        with self._lock:
            course = self._course
        if course is None:
            return Text("starting ...", "dim")
        running = [name for name, told in list(course.told.items()) if told.status == "running"]
        ranked = sorted(
            (
                name
                for name, told in list(course.told.items())
                if told.score is not None and name not in running
            ),
            key=lambda name: -course.sign * (course.told[name].score or 0.0),
        )
        shown = [*running, *ranked][:MOST_ROWS]
        keys = list(dict.fromkeys(key for name in shown for key in course.trials[name].varied))
        rows = [_row(name, course.told[name], course.varied(name), keys) for name in shown]
        return Group(
            table(["trial", "status", course.metric, "env steps", *keys], rows), Text(_whole(course), "bold")
        )


def _row(name: str, told: Standing, varied: Mapping[str, str], keys: list[str]) -> list[str]:
    own = [varied.get(key, "") for key in keys]
    return [number(name), told.status, figure(told.score), f"{told.env_steps:,}", *own]


def _line(told: Standing, metric: str) -> str:
    score = "" if told.score is None else f", {metric} {figure(told.score)}"
    return f"{told.status} at {told.env_steps:,} env steps{score}"


def _whole(course: Course) -> str:
    counts, left = course.counts, course.left_s()
    told = ", ".join(f"{counts[status]} {status}" for status in STYLE if counts[status])
    return told + (f"; about {duration(left)} left" if left is not None else "")


def _over(course: Course) -> int:
    counts = course.counts
    return sum(counts[status] for status in OVER)
