"""The popular way to bring tasks to environments: a callback that calls every env runner after a promotion.

Kept here to show that the scenarios of `test_popular_way.py` tell it from the project's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ray.rllib.callbacks.callbacks import RLlibCallback


class Popular(RLlibCallback):
    """Promotes when RLlib's mean return is high enough, and then sets the task of all environments.

    Args:
        lengths: of the errands, a stage each.
        threshold: mean return from which on a stage is left.
    """

    def __init__(self, lengths: Sequence[int], threshold: float) -> None:
        self._lengths, self._threshold = lengths, threshold
        self._stage = 0

    def on_train_result(self, *, algorithm: Any, result: Any, **kwargs: Any) -> None:
        """After each iteration."""
        last = self._stage + 1 == len(self._lengths)
        if not last and result["env_runners"].get("episode_return_mean", 0.0) >= self._threshold:
            self._stage += 1
            task = {"length": self._lengths[self._stage]}
            algorithm.env_runner_group.foreach_env_runner(partial(set_task, task=task))


def set_task(runner: Any, task: Any) -> None:
    """Sets the task of a runner's environments."""
    if runner.env is not None:
        runner.env.unwrapped.call("set_task", task)
