"""APPO's loss (IMPACT, Luo et al. 2020, section 3) as RLlib's learner has it, and its derivative by the outputs.

With the policy p, the target network's q and the policy m that acted, the ratio is r = min(m(a) / q(a), 2) p(a) / m(a).
V-trace's targets t and advantages A, which correct towards q, are constants, and so is q; means are over the N steps
that were taken:

    L = -mean min(A r, A clip(r, 1 - c, 1 + c)) + w mean (v - t)² / 2 - b mean H(p) + k mean KL(q || p)

    dL / d log p(a) = -A r / N where the first of the two is the lesser or r lies within the clip, else 0
    dL / dv         = w (v - t) / N,  dL / dH = -b / N,  dL / d KL = k / N, and 0 for all rows but those steps
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ray.rllib.algorithms.appo.appo import (
    LEARNER_RESULTS_CURR_KL_COEFF_KEY,
    LEARNER_RESULTS_KL_KEY,
    LEARNER_RESULTS_MEAN_IS_KEY,
    LEARNER_RESULTS_VAR_IS_KEY,
)
from ray.rllib.core.learner.learner import ENTROPY_KEY, POLICY_LOSS_KEY, VF_LOSS_KEY

from rlexp.engine.gradients.distributions import ActionDistribution
from rlexp.engine.gradients.ppo import APPROX_KL, CLIP_FRACTION
from rlexp.engine.gradients.vtrace_rows import CorrectedRows

Array = NDArray[np.float32]

LARGEST_RATIO = 2.0
"""Bound of the behaviour policy's probabilities over the target network's, as RLlib has it."""

_LARGEST_LOG_RATIO = np.float32(np.log(LARGEST_RATIO))


@dataclass(frozen=True, slots=True)
class Weights:
    """What the terms of the loss count, by RLlib's settings.

    Attributes:
        clip: `clip_param`, c.
        entropy: `entropy_coeff` now, b.
        kl: `kl_coeff` now, k; it is logged without `use_kl_loss`, too.
        use_kl: `use_kl_loss`.
        value: `vf_loss_coeff`, w.
    """

    clip: float
    entropy: float
    kl: float
    use_kl: bool
    value: float


@dataclass(slots=True)
class TargetPolicy:
    """The target network's policy on the rows.

    Attributes:
        policy: its distributions; None without `use_kl_loss`.
        logp: [M], of the actions taken.
        acted_logp: [M], by the policy that acted.
    """

    policy: ActionDistribution | None
    logp: Array
    acted_logp: Array


class APPOLoss:
    """The loss of one minibatch."""

    def __init__(self, rows: CorrectedRows, target: TargetPolicy, weights: Weights) -> None:
        self._rows, self._weights = rows, weights
        # Of the ratio m / q, bounded; a sum of logarithms, so that it takes one exponential less.
        self._log_bound = np.minimum(target.acted_logp - target.logp, _LARGEST_LOG_RATIO)
        self._log_ratio = rows.logp - target.acted_logp + self._log_bound
        with np.errstate(over="ignore"):  # infinite in torch as well
            self._ratio = np.exp(self._log_ratio)
        clipped = np.clip(self._ratio, np.float32(1 - weights.clip), np.float32(1 + weights.clip))
        advantages = rows.advantages * rows.mask
        self._gain, self._clipped_gain = advantages * self._ratio, advantages * clipped
        self._counts = (self._gain < self._clipped_gain) | (clipped == self._ratio)
        self._kl = rows.policy.divergence_from(target.policy) if weights.use_kl else None
        self._errors = rows.values - rows.targets

    def gradient(self) -> tuple[Array, Array]:
        """dL by the outputs, [M, K], and by the values, [M]."""
        rows, weights = self._rows, self._weights
        one = np.float32(1 / rows.steps)
        share = rows.mask * one
        by_outputs = rows.policy.gradient(
            self._gain * self._counts * -one,
            share * np.float32(-weights.entropy) if weights.entropy else 0.0,
            share * np.float32(weights.kl) if weights.use_kl else 0.0,
        )
        return by_outputs, self._errors * share * np.float32(weights.value)

    def parts(self, total_key: str) -> dict[str, float]:
        """The loss under `total_key` and its parts, by the names of RLlib and of `policy_change`."""
        rows, weights = self._rows, self._weights
        policy_loss = -float(np.minimum(self._gain, self._clipped_gain).sum()) / rows.steps
        value_loss = 0.5 * rows.mean(self._errors * self._errors)
        entropy = rows.mean(rows.policy.entropy())
        kl = 0.0 if self._kl is None else rows.mean(self._kl)
        total = policy_loss + weights.value * value_loss - weights.entropy * entropy + weights.kl * kl
        bound = np.exp(self._log_bound)
        mean_bound = rows.mean(bound)
        clipped = np.abs(self._ratio - 1) > np.float32(weights.clip)
        return {
            POLICY_LOSS_KEY: policy_loss,
            VF_LOSS_KEY: value_loss,
            ENTROPY_KEY: entropy,
            LEARNER_RESULTS_KL_KEY: kl,
            LEARNER_RESULTS_CURR_KL_COEFF_KEY: weights.kl,
            LEARNER_RESULTS_MEAN_IS_KEY: mean_bound,
            LEARNER_RESULTS_VAR_IS_KEY: rows.mean(np.square(bound - np.float32(mean_bound))),
            APPROX_KL: rows.mean(self._ratio - 1 - self._log_ratio),
            CLIP_FRACTION: rows.mean(clipped.astype(np.float32)),
            total_key: total,
        }
