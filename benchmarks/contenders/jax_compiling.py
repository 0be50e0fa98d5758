"""How long JAX compiles: seconds of tracing, lowering and compiling in this process so far."""

from __future__ import annotations

import jax

COMPILING = "/jax/core/compile/"


class Compiling:
    """Adds up the durations that JAX reports from when this is made."""

    def __init__(self) -> None:
        self.seconds = 0.0
        jax.monitoring.register_event_duration_secs_listener(self._add)

    def _add(self, event: str, duration: float, **_: object) -> None:
        if event.startswith(COMPILING):
            self.seconds += duration
