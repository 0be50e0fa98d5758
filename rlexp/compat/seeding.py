"""Seeds what RLlib leaves to chance although it was given a seed: the draws from replay buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm

RLLIB_EVALUATION_OFFSET = 1_000_000
"""What RLlib itself adds to the seed of environments that evaluate."""


def seed_replay(algorithm: Algorithm, seed: int) -> None:
    """Gives the replay buffer a random generator of the run's seed; the one that RLlib makes has none.

    For an algorithm that has been built: DreamerV3 makes its buffer, under a name of its own, last of all.
    """
    for name in ("local_replay_buffer", "replay_buffer"):
        buffer: Any = getattr(algorithm, name, None)
        if hasattr(buffer, "rng"):
            buffer.rng = np.random.default_rng(seed)


def evaluation_seed(seed: int, evaluation: int | None) -> int:
    """The seed to give RLlib so that the first evaluation runner's is `evaluation`, or by default
    `seed` + 1,000,000.
    """
    return seed if evaluation is None else evaluation - RLLIB_EVALUATION_OFFSET


def seed_of_evaluation(seed: int, evaluation: int | None) -> int:
    """The seed of the environments that evaluate, where the run's is `seed` and the config asks for `evaluation`."""
    return evaluation_seed(seed, evaluation) + RLLIB_EVALUATION_OFFSET
