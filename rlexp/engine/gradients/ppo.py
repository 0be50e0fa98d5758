"""PPO's loss (Schulman et al. 2017, eq. 7 and 9) as RLlib's learner has it, and its derivative by the outputs.

With r = p(a) / p'(a) for the policy p' that acted, advantages A, values v and their targets t, means over the rows:

    L = -mean min(A r, A clip(r, 1 - c, 1 + c)) - b mean H(p) + k mean KL(p' || p) + w mean clip((v - t)², 0, d)

    dL / d log p(a) = -A r / B where the first of the two is the lesser or r lies within the clip, else 0
    dL / dv         = 2 w (v - t) / B where (v - t)² <= d, else 0
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.algorithms.ppo.ppo import (
    LEARNER_RESULTS_KL_KEY,
    LEARNER_RESULTS_VF_EXPLAINED_VAR_KEY,
    LEARNER_RESULTS_VF_LOSS_UNCLIPPED_KEY,
)
from ray.rllib.core.learner.learner import ENTROPY_KEY, POLICY_LOSS_KEY, VF_LOSS_KEY
from ray.rllib.utils.torch_utils import explained_variance

from rlexp.engine.gradients.distributions import ActionDistribution

Array = NDArray[np.float32]

APPROX_KL, CLIP_FRACTION = "approx_kl", "clip_fraction"


@dataclass(frozen=True, slots=True)
class Weights:
    """What the terms of the loss count, by RLlib's settings.

    Attributes:
        clip: `clip_param`, c.
        entropy: `entropy_coeff` now, b.
        kl: `kl_coeff` now, k; None without `use_kl_loss`.
        value: `vf_loss_coeff`, w.
        value_clip: `vf_clip_param`, d.
    """

    clip: float
    entropy: float
    kl: float | None
    value: float
    value_clip: float


@dataclass(slots=True)
class Rows:
    """What the loss reads of B steps besides the network's outputs.

    Attributes:
        actions: [B, ...].
        logp: [B], of the actions by the policy that acted.
        then: the distributions of that policy; None without `use_kl_loss`.
        advantages: [B].
        targets: [B], of the values.
    """

    actions: NDArray[Any]
    logp: Array
    then: ActionDistribution | None
    advantages: Array
    targets: Array


class PPOLoss:
    """The loss of one minibatch.

    Args:
        make: makes a distribution of outputs.
        outputs: [B, K], the policy's.
        values: [B].
        rows: what was acted and came of it.
        weights: of the terms.
    """

    def __init__(
        self,
        make: Callable[[Array], ActionDistribution],
        outputs: Array,
        values: Array,
        rows: Rows,
        weights: Weights,
    ) -> None:
        self._rows, self._weights, self._values = rows, weights, values
        self._policy = make(outputs)
        self._log_ratio = self._policy.logp(rows.actions) - rows.logp
        self._ratio = np.exp(self._log_ratio)
        clipped = np.clip(self._ratio, np.float32(1 - weights.clip), np.float32(1 + weights.clip))
        self._gain = self._ratio * rows.advantages
        self._clipped_gain = clipped * rows.advantages
        self._counts = (self._gain < self._clipped_gain) | (clipped == self._ratio)
        self._kl = None if rows.then is None else self._policy.divergence_from(rows.then)
        self._errors = values - rows.targets
        self._squares = self._errors * self._errors

    def gradient(self) -> tuple[Array, Array]:
        """dL by the outputs, [B, K], and by the values, [B]."""
        weights, share = self._weights, 1 / len(self._values)
        by_outputs = self._policy.gradient(
            self._gain * self._counts * np.float32(-share),
            -weights.entropy * share,
            (weights.kl or 0.0) * share,
        )
        # A product, not a choice: what is not a number stays so, and is noticed.
        within = self._squares <= np.float32(weights.value_clip)
        return by_outputs, self._errors * within * np.float32(2 * weights.value * share)

    def parts(self, total_key: str) -> dict[str, float]:
        """The loss under `total_key` and its parts, by the names of RLlib and of `policy_change`."""
        weights = self._weights
        policy_loss = -float(np.minimum(self._gain, self._clipped_gain).mean())
        value_loss = float(np.clip(self._squares, 0, np.float32(weights.value_clip)).mean())
        entropy, kl = (
            float(self._policy.entropy().mean()),
            0.0 if self._kl is None else float(self._kl.mean()),
        )
        total = (
            policy_loss - weights.entropy * entropy + weights.value * value_loss + (weights.kl or 0.0) * kl
        )
        clipped = np.abs(self._ratio - 1) > np.float32(weights.clip)
        return {
            POLICY_LOSS_KEY: policy_loss,
            ENTROPY_KEY: entropy,
            LEARNER_RESULTS_KL_KEY: kl,
            APPROX_KL: float((self._ratio - 1 - self._log_ratio).mean()),
            CLIP_FRACTION: float(clipped.mean()),
            VF_LOSS_KEY: value_loss,
            LEARNER_RESULTS_VF_LOSS_UNCLIPPED_KEY: float(self._squares.mean()),
            LEARNER_RESULTS_VF_EXPLAINED_VAR_KEY: _explained(self._rows.targets, self._values),
            total_key: total,
        }


def _explained(targets: Array, values: Array) -> float:
    return float(explained_variance(torch.from_numpy(targets), torch.from_numpy(values)))
