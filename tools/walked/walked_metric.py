"""A callback that logs one number at the end of each episode; see `walks.py`."""

from __future__ import annotations

from typing import Any

from walks import METRIC

from rlexp.engine.run_callback import RunCallback
from rlexp.metrics.log import log_metric


class Marked(RunCallback):
    """Logs it."""

    def on_episode_end(self, *, metrics_logger: Any, **kwargs: Any) -> None:
        """As RLlib's."""
        log_metric(metrics_logger, "mark", METRIC)
