"""The loss of temporal-difference errors, and its derivative by the predictions.

With errors x = q - y, importance weights w of the replay (1 where it is uniform) and means over B rows:

    L = mean w h(x),    Huber: h(x) = x² / 2 where |x| <= 1, else |x| - 1/2;    squares: h(x) = x²

    dL / dq = w h'(x) / B,    Huber: h'(x) = clip(x, -1, 1);    squares: h'(x) = 2 x
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_HALF, _ONE = np.float32(0.5), np.float32(1)


class TDLoss:
    """The loss of one network's predictions.

    Args:
        predictions: [B], of the replayed actions.
        targets: [B].
        weights: [B], of replay; None where all count the same.
        huber: whether large errors count by their size, not by their square.

    Attributes:
        sizes: [B], absolute TD errors.
    """

    def __init__(
        self, predictions: Array, targets: Array, weights: Array | None, *, huber: bool = True
    ) -> None:
        self._errors, self._weights, self._huber = predictions - targets, weights, huber
        self.sizes: Array = np.abs(self._errors)

    def value(self) -> float:
        """The loss."""
        losses = self._errors * self._errors
        if self._huber:
            within = np.minimum(self.sizes, _ONE)
            losses = np.multiply(within, self.sizes - _HALF * within)
        return float((losses if self._weights is None else losses * self._weights).mean())

    def gradient(self) -> Array:
        """Its derivative by the predictions, [B]."""
        clipped = np.minimum(np.maximum(self._errors, -_ONE), _ONE)
        by_errors = clipped if self._huber else self._errors * np.float32(2)
        if self._weights is not None:
            by_errors *= self._weights
        by_errors *= np.float32(1 / len(by_errors))
        return by_errors
