"""IMPALA's loss (Espeholt et al. 2018, section 4.2) as RLlib's learner has it, and its derivative by the outputs.

With the policy p, values v, v-trace's targets t and advantages A, which are constants here, and means over the N steps
that were taken:

    L = -mean A log p(a) + w mean (v - t)² / 2 - b mean H(p)

    dL / d log p(a) = -A / N,  dL / dv = w (v - t) / N,  dL / dH = -b / N, and 0 for all other rows
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ray.rllib.core.learner.learner import ENTROPY_KEY

from rlexp.engine.gradients.vtrace_rows import CorrectedRows

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weights:
    """What the terms of the loss count, by RLlib's settings.

    Attributes:
        entropy: `entropy_coeff` now, b.
        value: `vf_loss_coeff`, w.
    """

    entropy: float
    value: float


class IMPALALoss:
    """The loss of one minibatch."""

    def __init__(self, rows: CorrectedRows, weights: Weights) -> None:
        self._rows, self._weights = rows, weights
        self._errors = rows.values - rows.targets

    def gradient(self) -> tuple[Array, Array]:
        """dL by the outputs, [M, K], and by the values, [M]."""
        rows, weights = self._rows, self._weights
        share = rows.mask * np.float32(1 / rows.steps)
        by_entropy = share * np.float32(-weights.entropy) if weights.entropy else 0.0
        by_outputs = rows.policy.gradient(-(rows.advantages * share), by_entropy)
        return by_outputs, self._errors * share * np.float32(weights.value)

    def parts(self, total_key: str) -> dict[str, float]:
        """The loss under `total_key` and its parts, by RLlib's names; some of them are sums over the steps."""
        rows, weights = self._rows, self._weights
        policy_loss = -rows.mean(rows.logp * rows.advantages)
        value_loss = 0.5 * rows.mean(self._errors * self._errors)
        entropy = rows.mean(rows.policy.entropy())
        return {
            "pi_loss": policy_loss * rows.steps,
            "mean_pi_loss": policy_loss,
            "vf_loss": value_loss * rows.steps,
            "mean_vf_loss": value_loss,
            ENTROPY_KEY: entropy,
            total_key: policy_loss + weights.value * value_loss - weights.entropy * entropy,
        }
