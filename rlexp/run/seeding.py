"""Seeds what RLlib leaves to chance although it was given a seed: the draws from replay buffers.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ray.rllib.callbacks.callbacks import RLlibCallback

RLLIB_EVALUATION_OFFSET = 1_000_000
"""What RLlib itself adds to the seed of environments that evaluate."""


class ReplaySeed(RLlibCallback):
    """Gives replay buffers a random generator of the run's seed; RLlib's own has none."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def on_algorithm_init(self, *, algorithm: Any, **kwargs: Any) -> None:
        """In the driver, where the buffers are (DreamerV3 has one under a name of its own)."""
        for name in ("local_replay_buffer", "replay_buffer"):
            buffer: Any = getattr(algorithm, name, None)
            if hasattr(buffer, "rng"):
                buffer.rng = np.random.default_rng(self.seed)


def evaluation_seed(seed: int, evaluation: int | None) -> int:
    """The seed to give RLlib so that the first evaluation runner's is `evaluation`, or by default
    `seed` + 1,000,000.
    """
    return seed if evaluation is None else evaluation - RLLIB_EVALUATION_OFFSET
