"""Ends a remote env runner's process when its environments hang, so that Ray starts another in its place."""

from __future__ import annotations

import faulthandler
import math

_REARM_S = 1.0
"""Arming starts a thread, so it is not done with every step."""


class HangWatch:
    """Between `beat` and `rest`, a process whose next beat is late by `limit_s` writes its stacks and ends.

    RLlib gives up waiting for a runner's sample and asks the same runner again, for ever. The watch is the
    interpreter's own and works in C: also where native code hangs and never lets Python run.

    Args:
        limit_s: seconds; null never ends anything.
    """

    def __init__(self, limit_s: float | None) -> None:
        self._limit_s, self._armed_at = limit_s, -math.inf

    def beat(self, now: float) -> None:
        """It lives; `now` by `time.perf_counter()`."""
        if self._limit_s is not None and now - self._armed_at > _REARM_S:
            faulthandler.dump_traceback_later(self._limit_s + _REARM_S, exit=True, file=2)  # stderr
            self._armed_at = now

    def rest(self) -> None:
        """Nothing is expected of it until the next beat."""
        if self._armed_at > -math.inf:
            faulthandler.cancel_dump_traceback_later()
            self._armed_at = -math.inf
