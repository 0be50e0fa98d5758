"""Counts environment failures for every tracker to see."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from ray.rllib.callbacks.callbacks import RLlibCallback

from rlexp.base.headline_metrics import ENV_FAILURES
from rlexp.engine.runners.fatal_errors import raise_if_broken
from rlexp.environment.guards import notices
from rlexp.environment.info_keys import FAILURE_COUNT
from rlexp.environment.multi_agent import last_info

_NUMBERS = re.compile(r" of env runner \d+|-?\d[\d.,e+-]*")


class _Warned:
    """Warnings shown in this run, without their numbers, which differ from one time to the next."""

    kinds: ClassVar[set[str]] = set()


def warn_once(text: str) -> None:
    """Warns on the terminal, unless it has done so since `forget_warnings` but for numbers in the text."""
    from rlexp.terminal.quiet import terminal

    kind = _NUMBERS.sub("", text)
    if kind not in _Warned.kinds:
        _Warned.kinds.add(kind)
        terminal().warn(text)


def forget_warnings() -> None:
    """A run begins: every warning is shown again."""
    _Warned.kinds.clear()


class FailureCounter(RLlibCallback):
    """Logs how often environments failed, and ends the run when one on a remote runner is beyond help."""

    logged_by_fast_runner = True

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

    def on_train_result(self, *, result: dict[str, Any], **kwargs: Any) -> None:
        """In the driver: tells what guards have noted in training."""
        self._tell(result.get("env_runners"))

    def on_evaluate_end(self, *, evaluation_metrics: dict[str, Any], **kwargs: Any) -> None:
        """In the driver: tells what guards have noted in an evaluation."""
        self._tell(evaluation_metrics.get("env_runners"))

    def _tell(self, runners: Any) -> None:
        for text in notices.texts_of(runners):
            warn_once(text)

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
            metrics_logger.log_value(ENV_FAILURES, 0, reduce="sum")
        self._log(last_info(episode, env, env_index), metrics_logger)

    def on_env_runners_recreated(
        self, *, algorithm: Any, env_runner_group: Any, env_runner_indices: list[int], **kwargs: Any
    ) -> None:
        """Raises the error that put a runner out of service; RLlib by itself only logs it and tries again."""
        raise_if_broken(algorithm, env_runner_group, env_runner_indices)

    @staticmethod
    def _log(info: Any, metrics_logger: Any) -> None:
        if metrics_logger is not None and isinstance(info, dict) and FAILURE_COUNT in info:
            metrics_logger.log_value(ENV_FAILURES, int(info[FAILURE_COUNT]), reduce="sum")
        if metrics_logger is not None and (noticed := notices.noticed_in(info)):
            notices.log(metrics_logger, noticed)
