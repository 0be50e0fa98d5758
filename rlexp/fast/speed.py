"""How fast a run would train with how many environments, by a moment of real sampling and learning.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlexp.fast.env_runner import FastEnvRunner
from rlexp.fast.rollout import Rollout

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

CANDIDATES = (8, 16, 32)
"""Environments to try. The first is what is taken where more bring little."""

WORTH_IT = 1.25
"""More environments mean shorter stretches of each in a batch, so they must bring this much training speed."""

SHORTEST_STRETCH = 64
"""Steps that each environment should contribute to a batch at least."""

STRETCHES, SAMPLE_S, LEARN_S = 4, 0.02, 0.03
"""The quickest of so many stretches of so many seconds counts: in the others, something else had the core."""


@dataclass(frozen=True)
class TrainingSpeed:
    """What was measured.

    Attributes:
        sps: env steps a second of sampling and learning in turn, by number of environments.
        best: the number to take.
    """

    sps: Mapping[int, float]
    best: int

    def __str__(self) -> str:
        measured = ", ".join(f"{speed:,.0f} with {count}" for count, speed in self.sps.items())
        return f"training makes {measured} environments (steps/s, measured)"


def measure_training(config: AlgorithmConfig) -> TrainingSpeed:
    """Samples and learns for some tenths of a second with each number of environments.

    Args:
        config: finished, with the fast path in it; an on-policy algorithm in one process. It is not changed.
    """
    counts = [count for count in CANDIDATES if config.total_train_batch_size >= count * SHORTEST_STRETCH]
    counts = counts or [CANDIDATES[0]]
    samples = {count: _sample(config, count) for count in counts}
    learning = _learning_seconds(config, samples[counts[-1]])
    return chosen({count: 1.0 / (sample.seconds + learning) for count, sample in samples.items()})


def chosen(sps: Mapping[int, float]) -> TrainingSpeed:
    """The fewest environments whose speed the larger numbers do not beat by much; pure."""
    counts = sorted(sps)
    best = counts[0]
    for count in counts[1:]:
        if sps[count] >= sps[best] * WORTH_IT:
            best = count
    return TrainingSpeed(dict(sps), best)


@dataclass(frozen=True)
class _Sample:
    """Seconds for one env step, what was sampled last, and the runner's spaces."""

    seconds: float
    rollouts: list[Rollout]
    spaces: dict[str, Any]


def _sample(config: AlgorithmConfig, num_envs: int) -> _Sample:
    copied = config.copy(copy_frozen=False)
    copied.env_runners(num_envs_per_env_runner=num_envs, num_env_runners=0)
    copied.callbacks(callbacks_class=[])
    runner = FastEnvRunner(config=copied, worker_index=0)
    try:
        runner.collect(num_timesteps=num_envs * 4)
        steps = num_envs * 16
        seconds = _quickest(lambda: runner.collect(num_timesteps=steps), SAMPLE_S) / steps
        return _Sample(seconds, runner.collect(num_timesteps=steps), runner.get_spaces())
    finally:
        runner.stop()


def _learning_seconds(config: AlgorithmConfig, sample: _Sample) -> float:
    """Seconds for one env step of a batch, all its epochs."""
    learner = config.copy(copy_frozen=False).build_learner(env=None, spaces=sample.spaces)
    size = config.minibatch_size or config.total_train_batch_size
    minibatches = max(1, round(config.total_train_batch_size * config.num_epochs / size))
    batch = _enough(sample.rollouts, min(size, 512))
    options = {"num_epochs": 1, "minibatch_size": size, "num_total_minibatches": 1}
    learner.update(episodes=batch, timesteps={}, **options)
    seconds = _quickest(lambda: learner.update(episodes=batch, timesteps={}, **options), LEARN_S)
    return seconds * minibatches / config.total_train_batch_size


def _quickest(work: Callable[[], Any], stretch_s: float) -> float:
    """Seconds of one call, in the quickest of some stretches."""
    found = []
    for _ in range(STRETCHES):
        begin, calls = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - begin) < stretch_s:
            work()
            calls += 1
        found.append(elapsed / calls)
    return min(found)


def _enough(rollouts: Sequence[Rollout], steps: int) -> list[Rollout]:
    """The rollouts as often as it takes to have so many steps."""
    have = sum(len(rollout) for rollout in rollouts)
    return list(rollouts) * max(1, -(-steps // have))
