"""The tanh-squashed Gaussian with its derivatives (Haarnoja et al. 2018, appendix C).

By means m, logarithms l of standard deviations (kept within RLlib's bounds) and noise e from N(0, 1), A dimensions:

    u = m + e exp l,    a = tanh u
    log p(a) = -sum (e² / 2 + l + log(2 pi) / 2) - sum log(1 - a²)
    log(1 - a²) = 2 (log 2 - |u| - log(1 + exp(-2 |u|))), in which nothing cancels or overflows

A loss reads both a and log p(a). With g = dL/da of each dimension and h = dL / d log p(a) of the row:

    dL/du = g (1 - a²) + 2 a h,     since d log(1 - a²) / du = -2 a
    dL/dm = dL/du,    dL/dl = dL/du e exp l - h where l lies within its bounds, else 0
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from ray.rllib.utils.numpy import MAX_LOG_NN_OUTPUT, MIN_LOG_NN_OUTPUT

Array = NDArray[np.float32]

_HALF, _ONE, _TWO = np.float32(0.5), np.float32(1), np.float32(2)
_HALF_LOG_TWO_PI_PLUS_TWO_LOG_TWO = np.float32(0.5 * math.log(2 * math.pi) + 2 * math.log(2))
_LEAST, _MOST = np.float32(MIN_LOG_NN_OUTPUT), np.float32(MAX_LOG_NN_OUTPUT)


class SquashedGaussian:
    """A sample of each row, with its log-density.

    Args:
        outputs: [B, 2 A], a network's: means and logarithms of standard deviations.
        noise: [B, A], from N(0, 1).

    Attributes:
        actions: [B, A], in [-1, 1].
        logp: [B].
    """

    def __init__(self, outputs: Array, noise: Array) -> None:
        width = noise.shape[1]
        self._raw_log_std = outputs[:, width:]
        log_std = np.minimum(np.maximum(self._raw_log_std, _LEAST), _MOST)
        self._spread = np.exp(log_std)
        self._spread *= noise
        raw = outputs[:, :width] + self._spread
        self.actions: Array = np.tanh(raw)
        # -log p(a) of each dimension, from here on.
        size = np.abs(raw, out=raw)
        found = np.exp(size * -_TWO)
        found += _ONE
        np.log(found, out=found)
        found += size
        found *= -_TWO
        found += noise * noise * _HALF
        found += log_std
        found += _HALF_LOG_TWO_PI_PLUS_TWO_LOG_TWO
        self.logp: Array = -(found[:, 0] if width == 1 else found.sum(axis=1))

    def gradient(self, by_actions: Array, by_logp: Array | np.float32) -> Array:
        """A loss's derivative by the outputs, [B, 2 A].

        Args:
            by_actions: its derivative by the actions, [B, A]; overwritten.
            by_logp: by each row's log-density, [B], or the same for all.
        """
        actions, width = self.actions, by_actions.shape[1]
        by_logp = by_logp[:, None] if isinstance(by_logp, np.ndarray) else by_logp
        found = np.empty((len(actions), 2 * width), np.float32)
        by_raw = np.multiply(actions, actions)
        np.subtract(_ONE, by_raw, out=by_raw)
        by_raw *= by_actions
        by_raw += actions * (by_logp * _TWO)
        found[:, :width] = by_raw
        by_raw *= self._spread
        by_raw -= by_logp
        within = (self._raw_log_std >= _LEAST) & (self._raw_log_std <= _MOST)
        np.multiply(by_raw, within, out=found[:, width:])
        return found
