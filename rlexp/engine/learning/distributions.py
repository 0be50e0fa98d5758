"""Action distributions for losses: log-probability, entropy and KL divergence in few tensor operations.

They give the numbers of RLlib's `TorchCategorical`, `TorchDiagGaussian` and `TorchMultiCategorical`, which go through
`torch.distributions`. A distribution of another class is used as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from ray.rllib.core.distribution.torch.torch_distribution import (
    TorchCategorical,
    TorchDiagGaussian,
)
from torch import Tensor

from rlexp.engine.gradients.distributions import sizes_of

_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


class ActionDistribution(Protocol):
    """What losses ask of a distribution; RLlib's classes answer too."""

    def logp(self, value: Tensor, /) -> Tensor:
        """Log-probabilities or log-densities of actions, [...]."""

    def entropy(self) -> Tensor:
        """In nats, [...]."""

    def kl(self, other: Any, /) -> Tensor:
        """Divergence KL(self || other), [...]."""


class Categorical:
    """One of K actions.

    Args:
        logits: [..., K], unnormalised.
    """

    def __init__(self, logits: Tensor) -> None:
        # A masked action's logit may leave the range of floats; its probability is 0 either way.
        self._logps = torch.log_softmax(logits, dim=-1).clamp(min=torch.finfo(logits.dtype).min)
        self._cached: Tensor | None = None

    @property
    def _probabilities(self) -> Tensor:
        if self._cached is None:
            self._cached = self._logps.exp()
        return self._cached

    def logp(self, value: Tensor) -> Tensor:
        """Log-probabilities of the actions [...]."""
        return self._logps.gather(-1, value.long().unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Tensor:
        """Entropies [...]."""
        return -(self._probabilities * self._logps).sum(-1)

    def kl(self, other: Categorical) -> Tensor:
        """KL(self || other), [...]."""
        return (self._probabilities * (self._logps - other._logps)).sum(-1)


class DiagGaussian:
    """Independent normal distributions.

    Args:
        inputs: [..., 2 D]: means, then logarithms of the standard deviations.
    """

    def __init__(self, inputs: Tensor) -> None:
        self._mean, self._log_std = inputs.chunk(2, dim=-1)

    def logp(self, value: Tensor) -> Tensor:
        """Log-densities of the actions [..., D]."""
        scaled = (value - self._mean) * torch.exp(-self._log_std)
        return (-0.5 * scaled.square() - self._log_std - _HALF_LOG_TWO_PI).sum(-1)

    def entropy(self) -> Tensor:
        """Differential entropies [...]."""
        return (self._log_std + (0.5 + _HALF_LOG_TWO_PI)).sum(-1)

    def kl(self, other: DiagGaussian) -> Tensor:
        """KL(self || other), [...]."""
        log_ratio = self._log_std - other._log_std
        scaled = (self._mean - other._mean) * torch.exp(-other._log_std)
        return (0.5 * (torch.exp(2 * log_ratio) + scaled.square() - 1) - log_ratio).sum(-1)


class MultiCategorical:
    """Independent categorical distributions side by side.

    Args:
        logits: [..., sum of sizes].
        sizes: number of actions of each.
    """

    def __init__(self, logits: Tensor, sizes: Sequence[int]) -> None:
        self._parts = [Categorical(part) for part in torch.split(logits, list(sizes), dim=-1)]

    def logp(self, value: Tensor) -> Tensor:
        """Log-probabilities of the actions [..., number of parts]."""
        return _sum([part.logp(value[..., i]) for i, part in enumerate(self._parts)])

    def entropy(self) -> Tensor:
        """Entropies [...]."""
        return _sum([part.entropy() for part in self._parts])

    def kl(self, other: MultiCategorical) -> Tensor:
        """KL(self || other), [...]."""
        return _sum([mine.kl(theirs) for mine, theirs in zip(self._parts, other._parts, strict=True)])


def _sum(parts: list[Tensor]) -> Tensor:
    return torch.stack(parts).sum(0)


def makers(*classes: Any) -> list[Callable[[Tensor], ActionDistribution]]:
    """What makes distributions from a module's outputs, for each class that the module names.

    They can be compared by `kl` as far as the classes can: either all are of this file and of one kind, or none.
    """
    found = [_maker(each) for each in classes]
    kinds = {sizes or make for make, sizes in found}
    if None in kinds or len(kinds) != 1:
        return [each.from_logits for each in classes]
    return [make for make, _ in found if make is not None]


def _maker(
    distribution_class: Any,
) -> tuple[Callable[[Tensor], ActionDistribution] | None, tuple[int, ...] | None]:
    """The maker, None for a class that is none of RLlib's three; and sizes for a MultiDiscrete action space."""
    if distribution_class is TorchCategorical:
        return Categorical, None
    if distribution_class is TorchDiagGaussian:
        return DiagGaussian, None
    sizes = sizes_of(distribution_class)
    return (None, None) if sizes is None else ((lambda logits: MultiCategorical(logits, sizes)), sizes)
