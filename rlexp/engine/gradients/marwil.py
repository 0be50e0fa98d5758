"""MARWIL's loss (Wang et al. 2018, section 3.2) as RLlib's learner has it, and its derivative by the outputs.

With the policy p, values v and their targets t, recorded advantages A = t - v, and means over the N steps that count:

    L = -mean exp(b A / c) log p(a) + w mean A² / 2,  with c² = c² + r (mean A² - c²) at each update

    dL / d log p(a) = -exp(b A / c) / N, where the exponential is a constant,  dL / dv = w (v - t) / N
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.algorithms.marwil.marwil_learner import (
    LEARNER_RESULTS_MOVING_AVG_SQD_ADV_NORM_KEY,
    LEARNER_RESULTS_VF_EXPLAINED_VAR_KEY,
)
from ray.rllib.core.learner.learner import POLICY_LOSS_KEY, VF_LOSS_KEY
from ray.rllib.utils.torch_utils import explained_variance

from rlexp.engine.gradients.distributions import ActionDistribution

Array = NDArray[np.float32]

_LEAST = np.float32(1e-8)


@dataclass(frozen=True, slots=True)
class Weights:
    """What the terms of the loss count, by RLlib's settings.

    Attributes:
        beta: b.
        value: `vf_coeff`, w.
        rate: `moving_average_sqd_adv_norm_update_rate`, r.
    """

    beta: float
    value: float
    rate: float


@dataclass(slots=True)
class Rows:
    """B recorded steps as the networks see them.

    Attributes:
        policy: the distributions, last asked for the log-probabilities `logp`.
        logp: [B], of the recorded actions.
        values: [B].
        targets: [B], of the values.
        share: [B], what each counts, as `rlexp.engine.gradients.bc.shares` gives them.
    """

    policy: ActionDistribution
    logp: Array
    values: Array
    targets: Array
    share: Array


class MARWILLoss:
    """The loss of one minibatch.

    Args:
        rows: the recorded steps.
        weights: of the terms.
        square: c² before this update.

    Attributes:
        square: c² now.
    """

    def __init__(self, rows: Rows, weights: Weights, square: float) -> None:
        self._rows, self._weights = rows, weights
        self._advantages = rows.targets - rows.values
        self._mean_square = float(rows.share.dot(self._advantages * self._advantages))
        self.square = square + weights.rate * (self._mean_square - square)
        scale = np.float32(weights.beta) / (_LEAST + np.sqrt(np.float32(self.square)))
        with np.errstate(over="ignore"):  # infinite in torch as well
            self._factors = np.exp(self._advantages * scale)

    def gradient(self) -> tuple[Array, Array]:
        """dL by the outputs, [B, K], and by the values, [B]."""
        rows = self._rows
        by_values = self._advantages * rows.share * np.float32(-self._weights.value)
        return rows.policy.gradient(-(self._factors * rows.share)), by_values

    def parts(self, total_key: str) -> dict[str, float]:
        """The loss under `total_key` and its parts, by RLlib's names."""
        rows = self._rows
        policy_loss = -float(rows.share.dot(self._factors * rows.logp))
        value_loss = 0.5 * self._mean_square
        explained = explained_variance(torch.from_numpy(rows.targets), torch.from_numpy(rows.values))
        return {
            POLICY_LOSS_KEY: policy_loss,
            VF_LOSS_KEY: value_loss,
            LEARNER_RESULTS_VF_EXPLAINED_VAR_KEY: float(explained),
            LEARNER_RESULTS_MOVING_AVG_SQD_ADV_NORM_KEY: self.square,
            total_key: policy_loss + self._weights.value * value_loss,
        }
