"""What RLlib's own figures get wrong, measured beside them.

- Its timers are exponential moving averages (coefficient 0.01) of single calls, so a slow first call stays
  visible for hundreds of iterations. The metrics logger keeps the reduction that a key was first logged with,
  so creating the same keys as sums before RLlib does turns them into seconds per iteration.
- With a local environment runner its episode lengths count an artificial step for each fragment: PPO's
  learner adds it to the very episodes that the runner measures later.
- An evaluation that is skipped for want of healthy runners returns the last results once more.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ray.rllib.callbacks.callbacks import RLlibCallback

from rlexp.base.headline_metrics import EPISODE_LENGTH, EPISODE_RETURN, EVAL_SECONDS, EVAL_SKIPPED
from rlexp.metrics.result_to_record import PER_ITERATION, TIMERS

if TYPE_CHECKING:
    from ray.rllib.utils.metrics.metrics_logger import MetricsLogger

_EVALUATED = ("evaluation", "env_runners", "num_env_steps_sampled_lifetime")


class Bookkeeping(RLlibCallback):
    """Makes times and episode lengths exact and marks skipped evaluations; belongs in every run."""

    logged_by_fast_runner = True

    def on_episode_end(self, *, episode: Any, metrics_logger: MetricsLogger, **kwargs: Any) -> None:
        """Logs the number of environment steps and the return (over all agents) of the entire episode."""
        length = episode.env_t if hasattr(episode, "env_t") else episode.t
        chunks = [*(kwargs.get("prev_episode_chunks") or ()), episode]
        metrics_logger.log_value(EPISODE_LENGTH, length, reduce="item_series")
        metrics_logger.log_value(
            EPISODE_RETURN, float(sum(chunk.get_return() for chunk in chunks)), reduce="item_series"
        )

    def on_algorithm_init(self, *, metrics_logger: MetricsLogger | None = None, **kwargs: Any) -> None:
        """Creates the timers as sums, before RLlib first uses them."""
        if metrics_logger is None:
            return
        for name in (*TIMERS, PER_ITERATION):
            metrics_logger.log_time(("timers", name), reduce="sum")

    def on_evaluate_start(self, *, metrics_logger: MetricsLogger | None = None, **kwargs: Any) -> None:
        """Remembers when the evaluation began and what had been evaluated before."""
        self._started, self._steps = time.perf_counter(), _evaluated(metrics_logger)

    def on_evaluate_end(
        self,
        *,
        metrics_logger: MetricsLogger | None = None,
        evaluation_metrics: dict[str, Any],
        **kwargs: Any,
    ) -> None:
        """Adds the evaluation's seconds; with no healthy runner RLlib returns the last results once more."""
        evaluation_metrics[EVAL_SECONDS] = time.perf_counter() - self._started
        if _evaluated(metrics_logger) == self._steps:
            evaluation_metrics[EVAL_SKIPPED] = True


def _evaluated(metrics_logger: Any) -> float:
    return float(metrics_logger.peek(_EVALUATED, default=0.0))
