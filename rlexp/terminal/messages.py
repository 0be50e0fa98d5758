"""What the person sees: our messages and the live display, on the real terminal."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from rlexp.terminal.logfile import LogFile


UNWRAPPED = 10_000
"""Signs in a line where nothing is to be wrapped."""


class Terminal:
    """Messages to the person on `out` and `err`, and a copy of each in the log.

    Colours and drawing follow rich's rules: none without a terminal, with `NO_COLOR` or with `TERM=dumb`.
    """

    def __init__(self, out: IO[str], err: IO[str], log: LogFile | None = None) -> None:
        self._out, self._err, self._log = out, err, log
        self._closers: list[Callable[[], None]] = []
        self._status: Status | None = None

    @property
    def streams(self) -> tuple[IO[str], IO[str]]:
        """Where it writes: stdout and stderr."""
        return self._out, self._err

    @cached_property
    def console(self) -> Console:
        """The rich console on the real stdout."""
        return _console(self._out)

    @cached_property
    def _error_console(self) -> Console:
        # On one and the same screen a second console would write into the middle of the live display.
        if self.console.is_terminal and _is_terminal(self._err):
            return self.console
        return _console(self._err)

    @property
    def live(self) -> bool:
        """Whether a display may redraw itself: a capable terminal, and not in continuous integration."""
        return self.console.is_terminal and not self.console.is_dumb_terminal and not os.environ.get("CI")

    def say(self, text: str) -> None:
        """A plain message, on stdout."""
        self._print(self.console, text, None)

    @property
    def has_log(self) -> bool:
        """Whether notes go anywhere."""
        return self._log is not None

    def note(self, text: str) -> None:
        """For those who look it up: in the log alone."""
        if self._log is not None:
            self._log.lines(text)

    def warn(self, text: str) -> None:
        """A warning, on stderr."""
        self._print(self._error_console, f"warning: {text}", "yellow")

    def error(self, text: str) -> None:
        """An error, on stderr."""
        self._print(self._error_console, f"error: {text}", "bold red")

    def show(self, renderable: Any, plain: str) -> None:
        """A rich renderable (a table, say), on stdout; the log gets `plain`, its text."""
        with contextlib.suppress(OSError):
            self.console.print(renderable)
        if self._log is not None:
            self._log.lines(plain)

    @contextlib.contextmanager
    def status(self, text: str) -> Iterator[Callable[[str], None]]:
        """A moving line while something takes its time ("building ..."); one plain line where nothing can
        move.

        Yields:
            Puts another text into the moving line; does nothing where there is none.
        """
        if not self.live:
            self.say(text)
            yield lambda text: None
            return
        from rich.text import Text

        if self._log is not None:
            self._log.lines(text)
        self._status = self.console.status(Text(text), spinner="dots")
        try:
            with self._status as status:
                yield lambda text: status.update(Text(text))
        finally:
            self._status = None

    def end_status(self) -> None:
        """Take the moving line of `status` away at once: another display is about to begin."""
        if self._status is not None:
            self._status.stop()

    def on_close(self, closer: Callable[[], None]) -> None:
        """Have `closer` called when the terminal is given back, so that no display outlives a failed run."""
        self._closers.append(closer)

    def close(self) -> None:
        """Call the closers, last one first; each is called once."""
        while self._closers:
            self._closers.pop()()

    def on_log(self, log: LogFile) -> Terminal:
        """The same terminal with its messages copied to another log."""
        other = Terminal(self._out, self._err, log)
        other.__dict__["console"] = self.console
        return other

    def _print(self, console: Console, text: str, style: str | None) -> None:
        from rich.text import Text

        # Text, not markup: messages hold brackets. soft_wrap: paths must stay in one piece to be copied.
        with contextlib.suppress(OSError):  # A terminal that was closed.
            console.print(Text(text, style or ""), soft_wrap=True)
        if self._log is not None:
            self._log.lines(text)


def _console(file: IO[str]) -> Console:
    from rich.console import Console

    class PipeSafeConsole(Console):
        """A console whose reader may go away (`rlexp ... | head`): the run goes on, unseen."""

        def on_broken_pipe(self) -> None:
            self.quiet = True
            with contextlib.suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self.file.fileno())
                os.close(nowhere)

    # Into a pipe or file a table is as wide as it is: to wrap it at 80 signs would cut words and paths in two.
    width = None if _is_terminal(file) or "COLUMNS" in os.environ else UNWRAPPED
    return PipeSafeConsole(file=file, highlight=False, width=width)


def _is_terminal(file: IO[str]) -> bool:
    try:
        return file.isatty()
    except (ValueError, AttributeError):
        return False
