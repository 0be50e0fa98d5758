"""Behaviour cloning's loss (Pomerleau 1989) as RLlib's learner has it, and its derivative by the outputs.

With the policy p and means over the N recorded steps that count:

    L = -mean log p(a),  so dL / d log p(a) = -1 / N, and 0 for all other rows
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from ray.rllib.core.learner.learner import POLICY_LOSS_KEY

from rlexp.engine.gradients.distributions import ActionDistribution

Array = NDArray[np.float32]


def shares(mask: NDArray[np.bool_] | None, rows: int) -> Array:
    """What each row counts in a mean, [B]: 1 / N where `mask` is true or there is none, else 0."""
    if mask is None:
        return np.full(rows, 1 / rows, np.float32)
    counted: Array = mask.astype(np.float32)
    counted /= counted.sum()
    return counted


class BCLoss:
    """The loss of one minibatch.

    Args:
        policy: the distributions, last asked for the log-probabilities `logp`.
        logp: [B], of the recorded actions.
        share: [B], as `shares` gives them.
    """

    def __init__(self, policy: ActionDistribution, logp: Array, share: Array) -> None:
        self._policy, self._logp, self._share = policy, logp, share

    def gradient(self) -> Array:
        """dL by the outputs, [B, K]."""
        return self._policy.gradient(-self._share)

    def parts(self, total_key: str) -> dict[str, float]:
        """The loss under `total_key` and its parts, by RLlib's names."""
        loss = -float(self._share.dot(self._logp))
        return {POLICY_LOSS_KEY: loss, total_key: loss}
