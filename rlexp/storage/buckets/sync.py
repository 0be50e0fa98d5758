"""Keeps a folder's place in the store up to date while something trains here, without training having to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rlexp.storage.buckets.mirror import Mirror, TakenError

PAUSES_S = (1.0, 4.0)
"""Before the last push is tried again."""


class StoreSync:
    """Brings what changes to the store: soon after `soon`, else every so often, and a last time in `close`.

    A store that cannot be reached for a while holds nothing up: a warning says so, and changes are uploaded later.

    Args:
        mirror: the folder and its place.
        warn: prints a line when the store is out of reach.
        every_s: seconds between two looks at what has changed, while nothing asks for one.
    """

    def __init__(self, mirror: Mirror, warn: Callable[[str], None], every_s: float = 60.0) -> None:
        self._mirror, self._warn, self._every_s = mirror, warn, every_s
        self._requested, self._closed = threading.Event(), False
        self._taken: TakenError | None = None
        self._thread = threading.Thread(target=self._run, name="storage", daemon=True)
        self._thread.start()

    def soon(self) -> None:
        """Requests an upload soon: something worth keeping has changed.

        Raises:
            TakenError: another process has gone on with the run.
        """
        self.check()
        self._requested.set()

    def check(self) -> None:
        """Raises TakenError where another process has gone on with the run."""
        if self._taken is not None:
            raise self._taken

    @property
    def taken(self) -> bool:
        """Whether another process has gone on with the run."""
        return self._taken is not None

    def stop(self) -> None:
        """Brings nothing more, but for `close`."""
        self._closed = True
        self._requested.set()
        self._thread.join()

    def close(self) -> None:
        """The last state, once nothing changes any more.

        Raises:
            TakenError: another process has gone on with the run.
            OSError: the store cannot be reached, after several tries.
        """
        self.stop()
        self.check()
        for pause in PAUSES_S:
            try:
                self._mirror.push()
            except OSError:
                time.sleep(pause)
            else:
                return
        self._mirror.push()

    def _run(self) -> None:
        warned = False
        while True:
            self._requested.wait(self._every_s)
            if self._closed:
                return
            self._requested.clear()
            try:
                self._mirror.push()
                warned = False
            except TakenError as error:
                self._taken = error
                return
            except OSError as error:
                if not warned:
                    reason = str(error).splitlines()[0]
                    self._warn(
                        f"{self._mirror.store.uri} cannot be brought up to date, later again: {reason}"
                    )
                warned = True
