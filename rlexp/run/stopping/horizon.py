"""Ends an iteration where the run ends: RLlib's may go on for seconds or thousands of steps.

A run ends where its budget does, or where an interrupt asks for it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ray.rllib.utils.metrics import ENV_RUNNER_RESULTS, NUM_ENV_STEPS_SAMPLED_LIFETIME

from rlexp.environment.hangs import interrupt_sampling

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
    So does the training step in which an interrupt ended the sampling; an iteration's first one then raises
    `SamplingCut`: nothing has changed since the iteration before. One in which it ended the updates counts. Algorithms
    of the fast path whose training step goes on for long look at these attributes themselves.

    Args:
        algorithm: whose `train` is called inside, once.
        horizon: env steps that it has sampled in all; None: none.
        deadline: by `time.monotonic()`; None: none.
    """
    config = algorithm.config
    asked = {key: getattr(config, key) for key in LASTS}
    bounded = (horizon is not None or deadline is not None) and any(asked.values())
    steps, until = (math.inf if end is None else end for end in (horizon, deadline))
    training_step = algorithm.training_step
    made = 0

    def watched() -> None:
        nonlocal made
        try:
            training_step()
        except interrupt_sampling.UpdatesCut:
            pass
        except interrupt_sampling.SamplingCut:
            if not made:
                raise
        made += 1
        over = time.monotonic() >= until or algorithm.metrics.peek(SAMPLED, default=0) >= steps
        if (bounded and over) or interrupt_sampling.requested():
            _set(config, dict.fromkeys(LASTS, 0))

    algorithm.training_step = watched
    if bounded:
        algorithm.horizon, algorithm.deadline = steps, until
    try:
        yield
    finally:
        del algorithm.training_step
        if bounded:
            del algorithm.horizon, algorithm.deadline
        _set(config, asked)


def _set(config: object, values: dict[str, float]) -> None:
    """RLlib freezes the config of an algorithm."""
    for key, value in values.items():
        object.__setattr__(config, key, value)
