"""The display of a run's course, without RLlib: live on a terminal, plain lines where there is none."""

from __future__ import annotations

import atexit
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callbacks.pace import Pace, figure
from rlexp.base.durations import duration
from rlexp.base.events import Record, RunInfo
from rlexp.base.headline_metrics import METRICS
from rlexp.terminal.quiet import terminal

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live


class Display:
    """Listens to a run and shows it; see `callbacks.progress.Progress` for what and for the arguments."""

    def __init__(self, every_s: float = 10.0, refresh_per_s: float = 2.0, live: bool | None = None) -> None:
        super().__init__()
        if every_s < 0 or refresh_per_s <= 0:
            raise ValueError("the progress display needs every_s >= 0 and refresh_per_s > 0")
        self._every_s, self._refresh_per_s, self._wants_live = every_s, refresh_per_s, live
        self._pace: Pace | None = None
        self._live: Live | None = None
        self._name, self._phase = "", ""
        self._printed_at, self._printed_steps = -float("inf"), -1
        # Re-entrant: a message from a signal handler redraws in the thread that may hold the lock.
        self._lock = threading.RLock()

    # --- the run's hooks, in the driver only ---

    def on_run_start(self, run: RunInfo) -> None:
        """Start the display."""
        self._name, self._phase = run.name, "first iteration"
        self._pace = Pace(run.stop, time.monotonic(), env_steps=run.resumed_at)
        screen = terminal()
        if self._wants_live if self._wants_live is not None else screen.live:
            self._start(screen)
        else:
            resumed = f", {run.resumed_at:,} steps done before" if run.resumed_at else ""
            screen.say(f"training {run.name} ({self._goal()}){resumed}")

    def on_record(self, record: Record) -> None:
        """Take in an iteration; print a line when it is time and nothing is live."""
        if self._pace is None:
            return
        now = time.monotonic()
        with self._lock:
            self._pace.add(record, now)
            self._phase = "training"
        if self._live is None and now - self._printed_at >= self._every_s:
            self._tell(now)

    def on_checkpoint(self, path: Path, record: Record) -> None:
        """Name the checkpoint until the next record."""
        self._phase = f"saved {path.name}"

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None:
        """Take the display away, or print the last line if it has not been printed."""
        was_live = self._live is not None
        self._stop()
        if self._pace is not None and not was_live and self._pace.env_steps != self._printed_steps:
            self._tell(time.monotonic())
        self._pace = None

    # --- RLlib's hooks; on the driver's instance they name what is going on ---

    def on_evaluate_start(self, **kwargs: Any) -> None:
        """Say that it is evaluation that takes the time."""
        self._phase = "evaluating"

    def on_evaluate_end(self, **kwargs: Any) -> None:
        """Back to training."""
        self._phase = "training"

    # --- drawing ---

    def _start(self, screen: Any) -> None:
        from rich.live import Live

        self._live = Live(
            console=screen.console,
            get_renderable=self.render,
            refresh_per_second=self._refresh_per_s,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        # Whoever ends first, the run's end, its failure or the process, gives the cursor back.
        screen.on_close(self._stop)
        atexit.register(self._stop)
        screen.end_status()
        self._live.start(refresh=True)

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()
            atexit.unregister(self._stop)

    def _goal(self) -> str:
        budget = self._pace.budget() if self._pace else None
        if budget is None:
            return "no budget of steps, iterations or time"
        unit, _, total = budget
        return f"at most {duration(total)}" if unit == "s" else f"at most {total:,.0f} {unit}"

    def _tell(self, now: float) -> None:
        assert self._pace is not None
        with self._lock:
            line = "  ".join([self._amount(now), *self._figures(now)])
            self._printed_at, self._printed_steps = now, self._pace.env_steps
        terminal().say(line)

    def _amount(self, now: float) -> str:
        """How much is done: `12,288 / 100,000 steps`."""
        assert self._pace is not None
        pace, budget = self._pace, self._pace.budget()
        if budget is None:
            return f"{pace.env_steps:,} steps"
        unit, done, total = budget
        if unit == "steps":
            return f"{pace.env_steps:,} / {total:,.0f} steps"
        fraction = pace.fraction(now) or 0.0
        time_done = f"{duration(fraction * total)} / {duration(total)}"
        of = time_done if unit == "s" else f"{done:,.0f} / {total:,.0f} {unit}"
        return f"{of}  {pace.env_steps:,} steps"

    def _figures(self, now: float) -> list[str]:
        """`return 45.2`, `eval 51.0`, `2,310 steps/s`, `38 s left`: those that are known."""
        assert self._pace is not None
        parts = []
        for metric in METRICS:
            if metric.progress and (value := self._pace.value(metric.name)) is not None:
                parts.append(f"{metric.progress} {figure(value)}")
        if (rate := self._pace.steps_per_s()) is not None:
            parts.append(f"{rate:,.0f} steps/s")
        if (left := self._pace.seconds_left(now)) is not None:
            parts.append(f"{duration(left)} left")
        return parts

    def render(self) -> RenderableType:
        """The live display as it stands: a line with the bar, a line with the figures."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        pace, now = self._pace, time.monotonic()
        if pace is None:
            return Text("")
        with self._lock:
            fraction = pace.fraction(now)
            total = None if fraction is None else 1.0
            bar = ProgressBar(total=total, completed=fraction or 0.0)
            share = "" if fraction is None else f"{100 * fraction:3.0f} %"
            first = Table.grid(padding=(0, 1), expand=True)
            first.add_column(no_wrap=True, overflow="ellipsis", max_width=32)
            first.add_column(ratio=1, min_width=8)
            first.add_column(no_wrap=True)
            first.add_row(Text(self._name, "bold"), bar, Text(f"{share}  {self._amount(now)}".strip()))
            elapsed = f"{duration(now - pace.started)} elapsed"
            words = "  ".join([*self._figures(now), elapsed, self._phase])
            second = Text(words, no_wrap=True, overflow="ellipsis")
        return Group(first, second)
