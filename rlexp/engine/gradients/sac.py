"""SAC's losses as RLlib's learner has them (Haarnoja et al. 2018; discrete: Christodoulou 2019), and their derivatives.

With alpha the weight of the entropy, Q the least of the critics, Q' that of the target critics, discounts d (0 where
no state follows), weights w of replay (1 where it is uniform), means over B rows:

    y   = r + d (Q'(s', a') - alpha log p(a' | s')),                  a' drawn by the policy, no derivative
    L_q = mean w h(q - y),                            h Huber's, see `td_loss`
    L_p = mean (alpha log p(a | s) - Q(s, a)),                        a drawn by the policy
    L_a = mean (log alpha (H - H*)),                                  H = -log p(a | s), H* the target entropy

    dL_q / dq        = w clip(q - y, -1, 1) / B
    dL_p / d log p   = alpha / B,    dL_p / da = -dQ/da / B through the critic that is the least
    dL_a / d log alpha = mean H - H*

With K discrete actions nothing is drawn: with p = softmax z, Q'(s', a') - alpha log p is summed over the actions by
p(a' | s'), H = -sum p log p, and, with c = alpha log p - Q:

    L_p = mean sum p c,      dL_p / dz = p (c - sum p c) / B          (the derivative of log p sums to 0)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_HALF, _ONE = np.float32(0.5), np.float32(1)


def least(values: Sequence[Array]) -> Array:
    """The least of one critic or two, elementwise."""
    return values[0] if len(values) == 1 else np.minimum(values[0], values[1])


def by_each_critic(values: Sequence[Array]) -> list[Array]:
    """dL_p by each critic's values, [B] each: -1/B where it is the least; equal ones share it, as in torch."""
    share = np.float32(-1 / len(values[0]))
    if len(values) == 1:
        return [np.full(len(values[0]), share, np.float32)]
    first = np.less(values[0], values[1]).astype(np.float32)
    first += np.equal(values[0], values[1]) * _HALF
    return [first * share, (_ONE - first) * share]


class DiscretePolicy:
    """Probabilities of K actions.

    Args:
        outputs: [B, K], logits.

    Attributes:
        probs, logps: [B, K].
    """

    def __init__(self, outputs: Array) -> None:
        logps = outputs - outputs.max(axis=1, keepdims=True)
        self.probs: Array = np.exp(logps)
        total = self.probs.sum(axis=1, keepdims=True)
        self.probs /= total
        logps -= np.log(total)
        self.logps: Array = logps

    def mean_of(self, values: Array) -> Array:
        """[B, K] to [B], weighted by the probabilities."""
        found: Array = (self.probs * values).sum(axis=1)
        return found

    def costs(self, values: Array, alpha: np.float32) -> Array:
        """alpha log p - Q of each action, [B, K]: its mean is what the policy's loss is made of."""
        found: Array = alpha * self.logps
        found -= values
        return found

    def gradient(self, costs: Array) -> Array:
        """dL_p by the outputs, [B, K]."""
        found: Array = costs - self.mean_of(costs)[:, None]
        found *= self.probs
        found *= np.float32(1 / len(found))
        return found
