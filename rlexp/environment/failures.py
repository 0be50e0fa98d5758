"""Counts environment failures for every tracker to see. Imported once training starts: it imports RLlib."""

from __future__ import annotations

from typing import Any

from ray.rllib.callbacks.callbacks import RLlibCallback

from rlexp.environment.agents import last_info
from rlexp.environment.fatal import raise_if_broken
from rlexp.environment.renewing import FAILURE_COUNT

METRIC = "env_failures"
"""Key under `env_runners` in RLlib's results: failures in the iteration; there once an episode has ended."""


class FailureCounter(RLlibCallback):
    """Logs how often environments failed, and ends the run when one on a remote runner is beyond help."""

    def on_episode_start(
        self,
        *,
        episode: Any,
        metrics_logger: Any,
        env: Any = None,
        env_index: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Counts resets that had to be repeated."""
        self._log(last_info(episode, env, env_index), metrics_logger)

    def on_episode_end(
        self,
        *,
        episode: Any,
        metrics_logger: Any,
        env: Any = None,
        env_index: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Counts a failure that ended the episode: the last info of its last chunk tells of it."""
        if metrics_logger is not None:
            metrics_logger.log_value(METRIC, 0, reduce="sum")
        self._log(last_info(episode, env, env_index), metrics_logger)

    def on_env_runners_recreated(
        self, *, algorithm: Any, env_runner_group: Any, env_runner_indices: list[int], **kwargs: Any
    ) -> None:
        """Raises the error that put a runner out of service; RLlib by itself only logs it and tries again."""
        raise_if_broken(algorithm, env_runner_group, env_runner_indices)

    @staticmethod
    def _log(info: Any, metrics_logger: Any) -> None:
        if metrics_logger is not None and isinstance(info, dict) and FAILURE_COUNT in info:
            metrics_logger.log_value(METRIC, int(info[FAILURE_COUNT]), reduce="sum")
