"""IQL's losses (Kostrikov et al. 2022, eq. 5 to 7) as RLlib's learner has them, and their derivatives.

With the least target critic Q', values v, critics q_1, q_2, the policy p, u = Q'(s, a) - v(s) and means over B rows:

    L_v = mean |e - [u <= 0]| u²,                            dL_v / dv = -2 |e - [u <= 0]| u / B
    L_p = -mean min(exp(b u), 100) log p(a | s),             dL_p / d log p = -min(exp(b u), 100) / B
    L_q = h mean (r + g v(s') - q)² for each critic,         dL_q / dq = 2 h (q - r - g v(s')) / B

where e is the expectile, g the discount (0 where no state follows), h 1 for one critic and 1/2 for each of two, and
everything but v in L_v, p in L_p and q in L_q is a constant. L_q is `td_loss`'s, of squares.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_LARGEST_FACTOR = np.float32(100)


class ValueLoss:
    """Of the value function.

    Args:
        values: [B].
        target_values: [B], of the recorded actions, by the target critics.
        expectile: e.
    """

    def __init__(self, values: Array, target_values: Array, expectile: float) -> None:
        self.advantages: Array = target_values - values
        above, below = np.float32(expectile), np.float32(1 - expectile)
        self._weights = np.where(self.advantages > 0, above, below)

    def value(self) -> float:
        """The loss."""
        return float((self._weights * self.advantages * self.advantages).mean())

    def gradient(self) -> Array:
        """By the values, [B]."""
        found: Array = self._weights * self.advantages
        found *= np.float32(-2 / len(found))
        return found


class PolicyLoss:
    """Of the policy.

    Args:
        logp: [B], of the recorded actions.
        advantages: [B], u.
        beta: b.
    """

    def __init__(self, logp: Array, advantages: Array, beta: float) -> None:
        with np.errstate(over="ignore"):  # bounded all the same
            self._factors = np.minimum(np.exp(np.float32(beta) * advantages), _LARGEST_FACTOR)
        self._logp = logp

    def value(self) -> float:
        """The loss."""
        return -float((self._factors * self._logp).mean())

    def gradient(self) -> Array:
        """By the log-probabilities, [B]."""
        found: Array = self._factors * np.float32(-1 / len(self._factors))
        return found
