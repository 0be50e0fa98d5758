"""Whether trials report a score before they end, where a scheduler is to compare them by it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rlexp.base.errors import ConfigError
from rlexp.config.iterations import batch_steps, most_env_steps
from rlexp.config.schema import RunConfig
from rlexp.sweep.planning.keys import SCHEDULER

BATCH = "algorithm.train_batch_size_per_learner"


def check_comparable(name: str, milestones: Sequence[int], budget: int, configs: Sequence[RunConfig]) -> None:
    """Refuses a scheduler that could judge nothing: a trial would end no later than its first comparison.

    Trials evaluate and report at `milestones`, where their iterations can end there; a batch is not divided.

    Args:
        name: of the scheduler.
        milestones: env steps, rising.
        budget: env steps of every trial.
        configs: of the trials.

    Raises:
        ConfigError: with values that would do.
    """
    for config in configs:
        batch, end = batch_steps(config) or 1, min(budget, most_env_steps(config))
        first = math.ceil(milestones[0] / batch) * batch if milestones else budget
        if first < end:
            continue
        if batch > 1 and batch >= budget:
            why, key = f"an iteration is a batch of {batch:,} env steps", BATCH
            fix = f"{BATCH}={max(1, budget // 10)} (and a minibatch_size no greater), or stop.env_steps={10 * batch}"
        elif end < budget:
            why, key = (
                f"stop.iterations={config.stop.iterations} ends trials after {end:,}",
                "stop.iterations",
            )
            fix = "stop.iterations=null"
        else:
            why, key = f"the first comparison is at {first:,}", SCHEDULER
            fix = f"stop.env_steps={10 * first}"
        raise ConfigError(
            f"sweep={name} would compare no trial before its end: they have {budget:,} env steps, and {why}",
            key=key,
            fix=fix,
        )
