"""What a config says of its iterations before any is made: how long they are, and how many there can be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rlexp.base.headline_metrics import comes_with_evaluation
from rlexp.config.algorithms import kind_of
from rlexp.config.callables.annotations import is_number
from rlexp.config.schema import RunConfig

LENGTH = "min_sample_timesteps_per_iteration"
BUFFER_CAPACITY = "algorithm.replay_buffer_config.capacity"


def number_at(config: RunConfig, key: str) -> float | None:
    """The number among RLlib's settings at a dotted key, e.g. `algorithm.n_step`; None where there is none."""
    group, *names = key.split(".")
    value: Any = getattr(config, group).settings
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return float(value) if value is not None and is_number(value) else None


def batch_steps(config: RunConfig) -> int | None:
    """Env steps of a batch that is sampled as one, at least; None where an iteration may end within a few steps."""
    if kind_of(config.algorithm.config_class, config.trusted) != "on_policy":
        return None
    batch = number_at(config, "algorithm.train_batch_size_per_learner")
    learners = number_at(config, "hardware.num_learners") or 1
    return int(batch) * max(1, int(learners)) if batch is not None and batch >= 1 else None


def iteration_steps(config: RunConfig) -> int:
    """Env steps of an iteration, at least; 1 where nothing is known."""
    return max(1, batch_steps(config) or 1, int(number_at(config, f"reporting.{LENGTH}") or 0))


def most_env_steps(config: RunConfig) -> float:
    """Env steps by which the number of iterations ends a run, batches being as long as they are said to be."""
    iterations = config.stop.iterations
    return math.inf if iterations is None else iterations * iteration_steps(config)


def most_reports(config: RunConfig, metric: str) -> float:
    """How often a metric can be reported before a run's budget is spent; infinite where nothing limits it."""
    iterations = _most_iterations(config)
    if not comes_with_evaluation(metric):
        return iterations
    every, every_env_steps = (
        config.evaluation.settings.get("evaluation_interval"),
        config.evaluation.evaluation_interval_env_steps,
    )
    if every_env_steps is None:
        return iterations if every is None or iterations == math.inf else iterations // every
    budget = _budget(config)
    return iterations if budget == math.inf else min(iterations, budget // every_env_steps)


def _most_iterations(config: RunConfig) -> float:
    """Those that end early, for an evaluation or a checkpoint at their env steps, count too."""
    budget = _budget(config)
    ends = (config.evaluation.evaluation_interval_env_steps, config.checkpoint.every_env_steps)
    early = 0.0 if batch_steps(config) else sum(budget // steps for steps in ends if steps is not None)
    by_steps = math.inf if budget == math.inf else math.ceil(budget / iteration_steps(config)) + early
    return min(by_steps, math.inf if config.stop.iterations is None else config.stop.iterations)


def _budget(config: RunConfig) -> float:
    return math.inf if config.stop.env_steps is None else config.stop.env_steps
