"""The log-density of given actions under a tanh-squashed Gaussian, as RLlib's distribution has it, with its derivative.

With actions a = tanh u that are given, u = atanh a, means m and logarithms l of standard deviations:

    log p(a) = log N(u; m, exp l) - sum log(1 - a²)

u does not depend on the outputs, so the derivatives are those of the Gaussian; that by l is 0 outside RLlib's bounds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from ray.rllib.utils.numpy import MAX_LOG_NN_OUTPUT, MIN_LOG_NN_OUTPUT, SMALL_NUMBER

from rlexp.engine.gradients.distributions import DiagGaussian

Array = NDArray[np.float32]

_ONE, _TWO, _LOG_TWO = np.float32(1), np.float32(2), np.float32(np.log(2))
_MOST = np.float32(1 - SMALL_NUMBER)
"""RLlib's bound of actions on either side, where atanh is finite."""


class SquashedDensity:
    """The distribution of each row's action.

    Args:
        outputs: [B, 2 A], a network's: means and logarithms of standard deviations.
    """

    def __init__(self, outputs: Array) -> None:
        self._width = width = outputs.shape[1] // 2
        bounded = outputs.copy()
        np.clip(bounded[:, width:], MIN_LOG_NN_OUTPUT, MAX_LOG_NN_OUTPUT, out=bounded[:, width:])
        self._within = bounded[:, width:] == outputs[:, width:]
        self._gaussian = DiagGaussian(bounded)

    def logp(self, actions: Array) -> Array:
        """Log-densities of actions [B, A] in [-1, 1], [B]."""
        raw = np.arctanh(np.clip((actions + _ONE) / _TWO * _TWO - _ONE, -_MOST, _MOST))
        # log(1 - tanh² u) = 2 (log 2 - u - log(1 + exp(-2 u)))
        slopes = _TWO * (_LOG_TWO - raw - np.logaddexp(np.float32(0), -_TWO * raw))
        found: Array = self._gaussian.logp(raw) - slopes.sum(axis=1)
        return found

    def gradient(self, by_logp: Array) -> Array:
        """A loss's derivative by the outputs, [B, 2 A], from that by each row's log-density, [B]."""
        found = self._gaussian.gradient(by_logp)
        found[:, self._width :] *= self._within
        return found
