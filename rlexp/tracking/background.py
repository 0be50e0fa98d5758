"""A thread that opens a tracker's writer and feeds it, so that neither delays training."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from rlexp.terminal.quiet import terminal

Task = Callable[[Any], None]

_log = logging.getLogger(__name__)


class Background:
    """Opens a writer in a thread of its own, then runs tasks on it in the order they came.

    Tasks that come before the writer is open wait for it. What goes wrong is logged once and never reaches
    the run: a tracker is no reason to lose a training.

    Args:
        name: the tracker's name, for messages.
        open_writer: makes the writer; may be slow.

    Attributes:
        failure: why there is no writer, once that is known.
    """

    def __init__(self, name: str, open_writer: Callable[[], Any]) -> None:
        self.name = name
        self._open = open_writer
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self.failure: str | None = None
        self._complained = False
        # A daemon: a writer that hangs must not keep the process alive.
        self._thread = threading.Thread(target=self._work, name=f"tracker-{name}", daemon=True)
        self._thread.start()

    def put(self, task: Task) -> None:
        """Runs `task(writer)` as soon as it can be; returns at once."""
        if self.failure is None:
            self._tasks.put(task)

    def close(self, timeout: float) -> bool:
        """Waits until all tasks are done, at most `timeout` seconds.

        Returns:
            Whether all were done in time.
        """
        self._tasks.put(None)
        self._thread.join(timeout)
        if self._thread.is_alive():
            _log.warning("%s did not finish within %.0f s; the run goes on without it", self.name, timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            writer = self._open()
        except Exception as error:
            reason = (str(error).strip().splitlines() or [""])[0]
            self.failure = f"{self.name} could not be started: {type(error).__name__}: {reason}"
            _log.warning("%s", self.failure, exc_info=error)
            terminal().warn(f"{self.failure}; the run goes on, and {self.name} has nothing of it")
            return
        while (task := self._tasks.get()) is not None:
            try:
                task(writer)
            except Exception as error:
                self._complain(error)

    def _complain(self, error: Exception) -> None:
        level = logging.DEBUG if self._complained else logging.WARNING
        self._complained = True
        _log.log(level, "%s could not take something: %s: %s", self.name, type(error).__name__, error)
