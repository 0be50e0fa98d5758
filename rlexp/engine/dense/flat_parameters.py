"""Parameters side by side in one buffer, and their gradients in another: one pass for what is done to all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float32]


class FlatParameters:
    """Torch parameters that are views of one buffer.

    They stay the same objects, in the same module and optimiser; only their memory is elsewhere. Where torch puts a
    parameter elsewhere again (`parameter.data = ...`), `gather` brings it back, so that arrays on the buffer stay good.

    Attributes:
        weights: [n], all parameters.
        gradients: [n], their gradients, in the same order.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self._parameters = list(parameters)
        size = sum(parameter.numel() for parameter in self._parameters)
        self.weights = torch.empty(size, dtype=torch.float32)
        self.gradients = torch.zeros(size, dtype=torch.float32)
        self._weight_views = self.views(self.weights)
        self._gradient_views = self.views(self.gradients)
        self._places = [view.data_ptr() for view in self._weight_views]
        self.gather()

    @staticmethod
    def fits(parameters: Iterable[Tensor]) -> bool:
        """True if these can lie in such a buffer: float32 on the CPU, each trained, none twice."""
        found = list(parameters)
        return len({id(parameter) for parameter in found}) == len(found) and all(
            parameter.device.type == "cpu" and parameter.dtype == torch.float32 and parameter.requires_grad
            for parameter in found
        )

    def __len__(self) -> int:
        return len(self._parameters)

    def __contains__(self, parameter: Tensor) -> bool:
        return any(parameter is mine for mine in self._parameters)

    def views(self, buffer: Tensor) -> list[Tensor]:
        """A buffer of this size in the parameters' shapes."""
        sizes = [parameter.numel() for parameter in self._parameters]
        parts = torch.split(buffer, sizes)
        return [part.view(parameter.shape) for part, parameter in zip(parts, self._parameters, strict=True)]

    def gather(self) -> None:
        """Takes back the parameters that torch has put elsewhere, with the values that they have there."""
        for parameter, view, place in zip(self._parameters, self._weight_views, self._places, strict=True):
            if parameter.data_ptr() != place:
                view.copy_(parameter.data)
                parameter.data = view

    def offer_gradients(self) -> None:
        """Lets each `parameter.grad` be its part of `gradients`."""
        for parameter, view in zip(self._parameters, self._gradient_views, strict=True):
            if parameter.grad is not view:
                parameter.grad = view

    def norm(self) -> float:
        """The gradients' L2 norm: infinite or NaN if one of them is."""
        gradients = self.gradients.numpy()
        return math.sqrt(gradients.dot(gradients))

    def clip(self, norm: float, limit: float, by: str) -> None:
        """Clips the gradients in place as RLlib's `clip_gradients` does, by `global_norm` or by `value`."""
        if by == "value":
            self.gradients.clamp_(-limit, limit)
        elif norm + 1e-6 > limit:
            self.gradients.mul_(limit / (norm + 1e-6))

    def arrays(self, parameters: Iterable[Tensor]) -> tuple[list[Array], list[Array]]:
        """The weights and the gradients of some of the parameters, as arrays on the buffers."""
        places = {id(parameter): i for i, parameter in enumerate(self._parameters)}
        chosen = [places[id(parameter)] for parameter in parameters]
        return (
            [self._weight_views[i].numpy() for i in chosen],
            [self._gradient_views[i].numpy() for i in chosen],
        )


class FrozenParameters:
    """Where parameters lie that are not trained, as those of a target network: wherever torch has them.

    Torch may put them elsewhere (`parameter.data = ...`), so look at them again before each use.
    """

    @staticmethod
    def arrays(parameters: Iterable[Tensor]) -> tuple[list[Array], None]:
        """The weights, and no gradients."""
        return [parameter.detach().numpy() for parameter in parameters], None
