"""A ready batch of replayed transitions: what the columnar replay samples and the fast learners take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlexp.engine.rollout import Columns


@dataclass(slots=True)
class ReplayBatch:
    """B transitions as arrays; the names of the columns are RLlib's.

    Attributes:
        obs: [B, ...], nested as the observation space is.
        new_obs: the same, of the state that the n-step return ends in.
        actions: [B, ...].
        rewards: [B], float32: the discounted sum of the rewards on the way.
        terminateds: [B], bool: no state follows `new_obs`.
        truncateds: [B], bool.
        n_step: [B], int64: exponent of the discount before the value of `new_obs`.
        weights: [B], float32: importance-sampling weights; ones where sampling is uniform.
        prioritized: whether the buffer that it came from wants TD errors back.
    """

    obs: Columns
    new_obs: Columns
    actions: Columns
    rewards: NDArray[np.float32]
    terminateds: NDArray[np.bool_]
    truncateds: NDArray[np.bool_]
    n_step: NDArray[np.int64]
    weights: NDArray[np.float32]
    prioritized: bool = False

    def __len__(self) -> int:
        """B."""
        return len(self.rewards)

    def env_steps(self) -> int:
        """As an RLlib batch's."""
        return len(self)

    def columns(self) -> dict[str, Any]:
        """The batch under RLlib's column names, as its loss functions read it."""
        names = (
            "obs",
            "new_obs",
            "actions",
            "rewards",
            "terminateds",
            "truncateds",
            "n_step",
            "weights",
        )
        return {name: getattr(self, name) for name in names}
