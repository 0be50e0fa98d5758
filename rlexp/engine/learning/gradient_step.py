"""A gradient step as RLlib's torch learner makes it (zero, backward, clip, refuse NaN, optimiser), without its Python.

The rare cases (values that are not finite, gradient scaling, torch's own schedulers, a learner that overrides one of
the steps) are left to the learner's own methods, so they mean what they mean in RLlib.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.learner import Learner
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from torch import Tensor

from rlexp.engine.dense.chain import NoFormulaError
from rlexp.engine.dense.flat_parameters import FlatParameters
from rlexp.engine.learning.adam import FusedAdam

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

Array = NDArray[np.float32]

_OWN_METHODS = ("postprocess_gradients", "postprocess_gradients_for_module", "apply_gradients")
_log = logging.getLogger(__name__)


class GradientStep:
    """The gradient steps of one module of a learner; one step per optimiser that the learner registered for it.

    Build it after the learner is built. What it remembers of the optimisers survives a loaded state.
    """

    def __init__(self, learner: TorchLearner, module_id: str = DEFAULT_MODULE_ID) -> None:
        self._learner = learner
        self._module_id = module_id
        self._config: AlgorithmConfig = learner.config.get_config_for_module(module_id)
        self._clip: float | None = self._config.grad_clip or None
        self._clip_by: str = self._config.grad_clip_by
        self._logged = bool(self._config.log_gradients or (self._clip and self._clip_by == "global_norm"))
        self._skip_not_finite = bool(learner.config.torch_skip_nan_gradients)
        self._delegated = (
            learner._grad_scalers is not None
            or learner._lr_scheduler_classes is not None
            or any(overrides(learner, TorchLearner, method) for method in _OWN_METHODS)
        )
        self._optimizers: list[_Part] = [
            _Part(name, optimizer, learner._optimizer_parameters[optimizer])
            for name, optimizer in learner.get_optimizers_for_module(module_id)
        ]
        self.norms: dict[str, float] = {}

    def minimise(self, loss: Tensor) -> None:
        """Differentiate one loss by all parameters and step every optimiser; nothing if no parameter is trainable."""
        if loss.grad_fn is None:
            return
        for part in self._optimizers:
            part.zero()
        scalers = self._learner._grad_scalers
        (loss if scalers is None else scalers[self._module_id].scale(loss)).backward()
        self.apply()

    def apply(self) -> None:
        """Clip the gradients that lie in `parameter.grad`, check them and step every optimiser."""
        if self._delegated:
            self._apply_as_learner()
            return
        each = [part.gradients() for part in self._optimizers]
        norms = [_norms(gradients) for gradients in each]
        totals = [_total(of_tensors) for of_tensors in norms]
        if not all(total < float("inf") for total in totals):  # false for NaN too
            self._not_finite()
            return
        for part, gradients, of_tensors, total in zip(self._optimizers, each, norms, totals, strict=True):
            if self._logged:
                self.norms[part.name] = total
            if self._clip is not None and gradients:
                _clip(gradients, of_tensors, total, self._clip, self._clip_by)
        for part in self._optimizers:
            part.adam.step()

    def flatten(self, parameters: Iterable[Tensor]) -> None:
        """Puts the parameters of each optimiser side by side, for gradients that are written there.

        Args:
            parameters: those that will get a gradient at each step.

        Raises:
            NoFormulaError: they are not those that the optimisers train, or cannot lie in one buffer.
        """
        trained = [parameter for part in self._optimizers for parameter in part.parameters]
        if {id(each) for each in parameters} != {id(each) for each in trained}:
            raise NoFormulaError("the optimisers train other parameters than those of the networks")
        for part in self._optimizers:
            part.flatten()

    def arrays(self, parameters: Iterable[Tensor]) -> tuple[list[Array], list[Array]]:
        """Weights and gradients of some parameters as arrays on the buffers that `flatten` made.

        Raises:
            KeyError: a parameter is in none.
        """
        found = [self._buffer_of(parameter).arrays([parameter]) for parameter in parameters]
        return [weights[0] for weights, _ in found], [gradients[0] for _, gradients in found]

    def gather(self) -> None:
        """Before some flat steps: takes back what torch has put elsewhere, and shows the gradients to torch."""
        for part in self._optimizers:
            if part.flat is not None:
                part.flat.gather()
                part.flat.offer_gradients()

    def _buffer_of(self, parameter: Tensor) -> FlatParameters:
        for part in self._optimizers:
            if part.flat is not None and parameter in part.flat:
                return part.flat
        raise KeyError("the parameter is trained by no optimiser of this learner")

    def apply_flat(self) -> None:
        """As `apply`, with the gradients that lie in the buffers: every parameter has one."""
        flats = [part.flat for part in self._optimizers if part.flat is not None]
        if self._delegated or (self._clip is not None and self._clip_by == "norm"):
            self.apply()
            return
        totals = [flat.norm() for flat in flats]
        if not all(total < float("inf") for total in totals):  # false for NaN too
            self._not_finite()
            return
        for part, flat, total in zip(self._optimizers, flats, totals, strict=True):
            if self._logged:
                self.norms[part.name] = total
            if self._clip is not None:
                flat.clip(total, self._clip, self._clip_by)
        for part in self._optimizers:
            part.adam.step_flat()

    def log(self) -> None:
        """Log the last step's global norms (before clipping) where RLlib would: it keeps the last minibatch's."""
        for name, norm in self.norms.items():
            key = (self._module_id, f"gradients_{name}_global_norm")
            self._learner.metrics.log_value(key=key, value=norm, window=1)

    def _not_finite(self) -> None:
        """NaN or infinite gradients: no step with `torch_skip_nan_gradients`, else RLlib's replacement by numbers."""
        if self._skip_not_finite:
            _log.warning("No gradient step: gradients of %s are not finite.", self._module_id)
            return
        self._apply_as_learner()

    def _apply_as_learner(self) -> None:
        learner = self._learner
        gradients = {
            learner.get_param_ref(parameter): parameter.grad
            for part in self._optimizers
            for parameter in part.parameters
            if parameter.grad is not None
        }
        learner.apply_gradients(learner.postprocess_gradients(gradients))


class _Part:
    """One optimiser with its name and parameters."""

    def __init__(self, name: str, optimizer: torch.optim.Optimizer, parameters: list[Tensor]) -> None:
        self.name = name
        self.parameters = parameters
        self.adam = FusedAdam(optimizer)
        self.flat: FlatParameters | None = None
        self._optimizer = optimizer

    def flatten(self) -> None:
        if not FlatParameters.fits(self.parameters):
            raise NoFormulaError(
                f"the parameters of {self.name} are not float32 on the CPU, or are trained in part"
            )
        self.flat = FlatParameters(self.parameters)
        self.adam = FusedAdam(self._optimizer, self.flat)

    def zero(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    def gradients(self) -> list[Tensor]:
        return [parameter.grad for parameter in self.parameters if parameter.grad is not None]


def overrides(learner: Learner, stock: type[Learner], method: str) -> bool:
    """True if a learner's class, or the object itself, has another `method` than RLlib's class `stock`."""
    return getattr(type(learner), method) is not getattr(stock, method) or method in vars(learner)


def _norms(gradients: list[Tensor]) -> list[Tensor]:
    return list(torch._foreach_norm(gradients)) if gradients else []


def _total(norms: list[Tensor]) -> float:
    """The global L2 norm: infinite or NaN if any gradient holds such a value."""
    return float(torch.linalg.vector_norm(torch.stack(norms))) if norms else 0.0


def _clip(gradients: list[Tensor], norms: list[Tensor], total: float, limit: float, by: str) -> None:
    """Clip in place, as RLlib's `clip_gradients` does."""
    if by == "global_norm":
        if total + 1e-6 > limit:
            torch._foreach_mul_(gradients, limit / (total + 1e-6))
    elif by == "norm":
        for gradient, norm in zip(gradients, norms, strict=True):
            if norm > limit:
                gradient.mul_(limit / norm)
    else:
        torch._foreach_clamp_min_(gradients, -limit)
        torch._foreach_clamp_max_(gradients, limit)
