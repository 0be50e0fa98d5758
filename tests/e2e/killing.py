"""A callback that kills the evaluation runners of its own run."""

from __future__ import annotations

from typing import Any

import ray
from ray.rllib.callbacks.callbacks import RLlibCallback


class KillsEvaluationRunners(RLlibCallback):
    """After one iteration.

    Args:
        for_good: whether Ray may not start them again.
        after: the iteration.
    """

    def __init__(self, for_good: bool, after: int = 1) -> None:
        super().__init__()
        self.for_good, self.after = for_good, after

    def on_train_result(self, *, algorithm: Any, result: dict[str, Any], **kwargs: Any) -> None:
        if result["training_iteration"] == self.after:
            for runner in algorithm.eval_env_runner_group._worker_manager._actors.values():
                ray.kill(runner, no_restart=self.for_good)
