"""The way of outcomes from episodes to the main process: as a series among the runner's metrics.

RLlib gathers metrics from every runner, of every algorithm, and empties them as it does, so that each outcome is
reported once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray.rllib.callbacks.callbacks import RLlibCallback

from rlexp.environment.info_keys import OUTCOME
from rlexp.environment.multi_agent import last_info
from rlexp.environment.tasks.outcome import log_outcome


class OutcomeCollector(RLlibCallback):
    """Logs the outcome of each episode on RLlib's own runner; the fast runner does so by itself."""

    logged_by_fast_runner = True

    def on_episode_end(
        self,
        *,
        episode: Any,
        metrics_logger: Any,
        env: Any = None,
        env_index: int | None = None,
        **kwargs: Any,
    ) -> None:
        """The last info of its last chunk has it."""
        info = last_info(episode, env, env_index)
        if isinstance(info, Mapping) and OUTCOME in info:
            log_outcome(metrics_logger, info[OUTCOME])
