"""Where a run's budget ends, an iteration does: RLlib's may go on for seconds or thousands of steps."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ray.rllib.utils.metrics import ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm

SAMPLED = (ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME)
LASTS = (
    "min_time_s_per_iteration",
    "min_sample_timesteps_per_iteration",
    "min_train_timesteps_per_iteration",
)
"""RLlib's settings of how long an iteration lasts at least, in one or more training steps."""


@contextmanager
def ending_at(algorithm: Algorithm, horizon: int | None, deadline: float | None = None) -> Iterator[None]:
    """Meanwhile an iteration ends with the training step that reaches `horizon` or `deadline`.

    It may be meant to last longer: the run's budget does not.
    Algorithms of the fast path whose training step goes on for long look at these attributes themselves.

    Args:
        algorithm: whose `train` is called inside, once.
        horizon: env steps that it has sampled in all; null: none.
        deadline: by `time.monotonic()`; null: none.
    """
    config = algorithm.config
    asked = {key: getattr(config, key) for key in LASTS}
    if (horizon is None and deadline is None) or not any(asked.values()):
        yield
        return
    steps, until = (math.inf if end is None else end for end in (horizon, deadline))
    training_step = algorithm.training_step

    def watched() -> None:
        training_step()
        if time.monotonic() >= until or algorithm.metrics.peek(SAMPLED, default=0) >= steps:
            _set(config, dict.fromkeys(LASTS, 0))

    algorithm.horizon, algorithm.deadline, algorithm.training_step = steps, until, watched
    try:
        yield
    finally:
        del algorithm.horizon, algorithm.deadline, algorithm.training_step
        _set(config, asked)


def _set(config: object, values: dict[str, float]) -> None:
    """RLlib freezes the config of an algorithm."""
    for key, value in values.items():
        object.__setattr__(config, key, value)
