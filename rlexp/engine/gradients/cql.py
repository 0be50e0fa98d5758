"""The critics' loss of CQL (Kumar et al. 2020, eq. 4 and appendix F) as RLlib's learner has it, and its derivative.

With the values q of the recorded actions, their targets y, and the values Q_j of 3 n other actions a_j of each row,
less the logarithms of the densities that these were drawn from:

    L = mean (q - y)² + w (t mean log sum_j exp(Q_j / t) - mean q)

    dL / dq = (2 (q - y) - w) / B,    dL / dQ_j = w softmax(Q / t)_j / B
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class ConservativeLoss:
    """Of one critic.

    Args:
        predictions: [B], of the recorded actions.
        targets: [B].
        others: [B, 3 n], Q.
        weight: `min_q_weight`, w.
        temperature: t.
    """

    def __init__(
        self, predictions: Array, targets: Array, others: Array, weight: float, temperature: float
    ) -> None:
        self._predictions, self._errors = predictions, predictions - targets
        self._weight, self._temperature = weight, temperature
        scaled = others * np.float32(1 / temperature)
        largest = scaled.max(axis=1, keepdims=True)
        self._shares = np.exp(scaled - largest)
        total = self._shares.sum(axis=1, keepdims=True)
        self._shares /= total
        self._log_sums = np.log(total) + largest

    def conservative(self) -> float:
        """The second term alone."""
        above = self._temperature * float(self._log_sums.mean()) - float(self._predictions.mean())
        return self._weight * above

    def value(self) -> float:
        """The loss."""
        return float((self._errors * self._errors).mean()) + self.conservative()

    def sizes(self) -> Array:
        """Absolute TD errors, [B]."""
        found: Array = np.abs(self._errors)
        return found

    def gradient(self) -> tuple[Array, Array]:
        """By the predictions, [B], and by the other values, [B, 3 n]."""
        share = np.float32(1 / len(self._errors))
        weight = np.float32(self._weight)
        return (np.float32(2) * self._errors - weight) * share, self._shares * (weight * share)
