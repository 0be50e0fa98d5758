"""Action distributions with their derivatives: log-probability, entropy and divergence by the network's outputs.

The numbers are those of `rlexp.engine.learning.distributions`, which goes through torch. All arrays here have their
rows along the last axis, [K, B] for outputs [B, K]: sums over a short axis are several times faster that way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from ray.rllib.core.distribution.torch.torch_distribution import (
    TorchCategorical,
    TorchDiagGaussian,
    TorchMultiCategorical,
)

Array = NDArray[np.float32]
Weight = float | Array
"""What a term counts: in all rows alike, or in each, [B]."""

_HALF_LOG_TWO_PI = np.float32(0.5 * math.log(2 * math.pi))
_HALF, _ONE, _LEAST = np.float32(0.5), np.float32(1), np.finfo(np.float32).min


class ActionDistribution(Protocol):
    """A distribution of each row's action, and derivatives by the outputs that describe it."""

    def logp(self, actions: NDArray[Any]) -> Array:
        """Log-probabilities or log-densities of actions [B, ...], [B]."""

    def entropy(self) -> Array:
        """In nats, [B]."""

    def divergence_from(self, then: Any) -> Array:
        """KL(then || self), [B], from a distribution of the same class."""

    def rows(self, items: NDArray[np.int64]) -> Any:
        """The distributions of some rows."""

    def gradient(self, by_logp: Array, by_entropy: Weight = 0.0, by_divergence: Weight = 0.0) -> Array:
        """The derivative of a loss by the outputs, [B, K].

        Args:
            by_logp: its derivative by each row's log-probability of the actions that were last asked for, [B].
            by_entropy: by each row's entropy, a number for all or an array [B].
            by_divergence: likewise, by each row's divergence from the distribution that was last asked for.
        """


class Categorical:
    """One of K actions, with p = softmax z for outputs z.

    d log p(a) / dz = [a] - p; dH/dz = -p (log p + H); d KL(q || p) / dz = p - q.
    """

    def __init__(self, outputs: Array) -> None:
        self._logps = outputs.T.copy()
        self._logps -= self._logps.max(axis=0)
        self._probs = np.exp(self._logps)
        total = self._probs.sum(axis=0)
        self._probs /= total
        self._logps -= np.log(total)
        # A masked action's output may leave the range of floats; its probability is 0 either way.
        np.maximum(self._logps, _LEAST, out=self._logps)

    def rows(self, items: NDArray[np.int64]) -> Categorical:
        """See `ActionDistribution`."""
        chosen = Categorical.__new__(Categorical)
        chosen._logps, chosen._probs = self._logps.take(items, axis=1), self._probs.take(items, axis=1)
        return chosen

    def logp(self, actions: NDArray[Any]) -> Array:
        """See `ActionDistribution`."""
        rows = self._logps.shape[1]
        self._chosen = actions * rows + np.arange(rows)
        return self._logps.ravel()[self._chosen]

    def entropy(self) -> Array:
        """See `ActionDistribution`."""
        found: Array = -(self._probs * self._logps).sum(axis=0)
        return found

    def divergence_from(self, then: Categorical) -> Array:
        """See `ActionDistribution`."""
        self._then = then
        found: Array = (then._probs * (then._logps - self._logps)).sum(axis=0)
        return found

    def gradient(self, by_logp: Array, by_entropy: Weight = 0.0, by_divergence: Weight = 0.0) -> Array:
        """See `ActionDistribution`."""
        found = self._probs * -by_logp
        found.ravel()[self._chosen] += by_logp
        if _counts(by_entropy):
            found -= np.float32(by_entropy) * self._probs * (self._logps + self.entropy())
        if _counts(by_divergence):
            found += np.float32(by_divergence) * (self._probs - self._then._probs)
        return found.T


class MultiCategorical:
    """Independent categorical distributions side by side: everything is a sum over them."""

    def __init__(self, outputs: Array, sizes: Sequence[int]) -> None:
        ends = np.cumsum(sizes)[:-1]
        self._parts = [Categorical(part) for part in np.split(outputs, ends, axis=1)]

    def rows(self, items: NDArray[np.int64]) -> MultiCategorical:
        """See `ActionDistribution`."""
        chosen = MultiCategorical.__new__(MultiCategorical)
        chosen._parts = [part.rows(items) for part in self._parts]
        return chosen

    def logp(self, actions: NDArray[Any]) -> Array:
        """See `ActionDistribution`."""
        found: Array = sum(part.logp(actions[:, i]) for i, part in enumerate(self._parts))  # type: ignore[assignment]
        return found

    def entropy(self) -> Array:
        """See `ActionDistribution`."""
        found: Array = sum(part.entropy() for part in self._parts)  # type: ignore[assignment]
        return found

    def divergence_from(self, then: MultiCategorical) -> Array:
        """See `ActionDistribution`."""
        pairs = zip(self._parts, then._parts, strict=True)
        found: Array = sum(mine.divergence_from(theirs) for mine, theirs in pairs)  # type: ignore[assignment]
        return found

    def gradient(self, by_logp: Array, by_entropy: Weight = 0.0, by_divergence: Weight = 0.0) -> Array:
        """See `ActionDistribution`."""
        parts = [part.gradient(by_logp, by_entropy, by_divergence) for part in self._parts]
        return np.concatenate(parts, axis=1)


class DiagGaussian:
    """Independent normal distributions by means m and logarithms l of standard deviations; u = (a - m) / exp l.

    d log p(a) / dm = u / exp l, / dl = u² - 1; dH/dl = 1; with v = (m' - m) / exp l of the distribution (m', l'):
    d KL / dm = -v / exp l, / dl = 1 - v² - exp 2 (l' - l).
    """

    def __init__(self, outputs: Array) -> None:
        width = outputs.shape[1] // 2
        self._mean, self._log_std = outputs[:, :width].T.copy(), outputs[:, width:].T.copy()
        self._inverse = np.exp(-self._log_std)

    def rows(self, items: NDArray[np.int64]) -> DiagGaussian:
        """See `ActionDistribution`."""
        chosen = DiagGaussian.__new__(DiagGaussian)
        for name in ("_mean", "_log_std", "_inverse"):
            setattr(chosen, name, getattr(self, name).take(items, axis=1))
        return chosen

    def logp(self, actions: NDArray[Any]) -> Array:
        """See `ActionDistribution`."""
        self._u = (actions.T - self._mean) * self._inverse
        found: Array = -(_HALF * self._u * self._u + self._log_std + _HALF_LOG_TWO_PI).sum(axis=0)
        return found

    def entropy(self) -> Array:
        """See `ActionDistribution`."""
        found: Array = (self._log_std + (_HALF + _HALF_LOG_TWO_PI)).sum(axis=0)
        return found

    def divergence_from(self, then: DiagGaussian) -> Array:
        """See `ActionDistribution`."""
        log_ratio = then._log_std - self._log_std
        self._v, self._ratio = (then._mean - self._mean) * self._inverse, np.exp(log_ratio + log_ratio)
        found: Array = (_HALF * (self._ratio + self._v * self._v - _ONE) - log_ratio).sum(axis=0)
        return found

    def gradient(self, by_logp: Array, by_entropy: Weight = 0.0, by_divergence: Weight = 0.0) -> Array:
        """See `ActionDistribution`."""
        width, rows = self._mean.shape
        found = np.empty((2 * width, rows), np.float32)
        of_mean, of_log_std = found[:width], found[width:]
        np.multiply(self._u, by_logp, out=of_mean)
        np.multiply(of_mean, self._u, out=of_log_std)
        of_log_std -= by_logp
        if _counts(by_entropy):
            of_log_std += np.float32(by_entropy)
        if _counts(by_divergence):
            weight = np.float32(by_divergence)
            of_mean -= weight * self._v
            of_log_std += weight * (_ONE - self._v * self._v - self._ratio)
        of_mean *= self._inverse
        return found.T


def _counts(weight: Weight) -> bool:
    return isinstance(weight, np.ndarray) or weight != 0.0


def maker(distribution_class: Any) -> Callable[[Array], ActionDistribution] | None:
    """What makes the distributions that a class of RLlib's describes from outputs [B, K]; None for another class."""
    if distribution_class is TorchCategorical:
        return Categorical
    if distribution_class is TorchDiagGaussian:
        return DiagGaussian
    sizes = sizes_of(distribution_class)
    return None if sizes is None else lambda outputs: MultiCategorical(outputs, sizes)


def sizes_of(distribution_class: Any) -> tuple[int, ...] | None:
    """The sizes that RLlib's catalog bound to `TorchMultiCategorical` by a class made for the action space."""
    bound = getattr(distribution_class, "_merge_kwargs", None)
    if bound is None or distribution_class.__bases__ != (TorchMultiCategorical,):
        return None
    return tuple(int(size) for size in bound()["input_lens"])
