"""The end of a run whose cluster's head is gone, with a word to the person: Ray would end the process without one."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from rlexp.base.errors import EXIT_FAILED
from rlexp.base.shell_commands import shell_command
from rlexp.hardware.ray_session.connect import why_not
from rlexp.storage.buckets.local_copies import address

EVERY_S = 3.0
PATIENCE_S = 45.0
"""A head that is started anew within that time may go on where it was; Ray itself waits 60 s."""


class HeadWatch(threading.Thread):
    """Asks the head every few seconds whether it is there, until `close`.

    Args:
        address: of the cluster that this process has joined.
        folder: of the run or sweep, named in what is said; None where there is none.
    """

    def __init__(self, address: str, folder: Path | None) -> None:
        super().__init__(name="head watch", daemon=True)
        self._address, self._folder = address, folder
        self._closed = threading.Event()

    def run(self) -> None:
        """See the class."""
        gone_since = None
        while not self._closed.wait(EVERY_S):
            problem = why_not(self._address)
            if problem is None:
                gone_since = None
                continue
            gone_since = gone_since or time.monotonic()
            if time.monotonic() - gone_since >= PATIENCE_S:
                self._end(problem)

    def _end(self, problem: str) -> None:
        from rlexp.terminal.quiet import terminal

        screen = terminal()
        told = f"the Ray cluster at {self._address} is gone ({problem}); what was saved stands"
        if self._folder is not None:
            resume = shell_command("resume", address(self._folder))
            told += f"\n  write: {resume} hardware.address=<another cluster, or local>"
        screen.error(told)
        screen.console.show_cursor()
        os._exit(EXIT_FAILED)

    def close(self) -> None:
        """The process leaves the cluster."""
        self._closed.set()
