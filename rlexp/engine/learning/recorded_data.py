"""RLlib's learners of recorded data, with the gradient steps by formula where a module has one."""

from __future__ import annotations

import logging
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.core.rl_module.apis import SelfSupervisedLossAPI
from torch import Tensor

from rlexp.compat.torch import is_watched
from rlexp.engine.dense import kernels
from rlexp.engine.dense.chain import NoFormulaError
from rlexp.engine.learning.gradient_step import GradientStep
from rlexp.terminal.quiet import note

_log = logging.getLogger(__name__)
_LOSS_METHODS = (
    "compute_loss_for_module",
    "compute_losses",
    "compute_gradients",
    "_update",
    "_uncompiled_update",
)


class RecordedSteps(Protocol):
    """Gradient steps of one module, without autograd."""

    def step(self, batch: dict[str, Any], total_key: str) -> dict[str, float]:
        """One gradient step.

        Args:
            batch: of the module, tensors [B, ...] by RLlib's column name.
            total_key: the name of the loss among its parts.

        Returns:
            The loss before the step and its parts, by RLlib's names.
        """


class RecordedDataLearner(TorchLearner):
    """RLlib's learner: `class FastX(RecordedDataLearner, XTorchLearner)`.

    Batches, metrics, state and what surrounds a gradient step are RLlib's. A subclass with a loss of its own, and all
    that has no gradient by formula, keep its gradient step, too; the log says why.
    """

    def steps_by_formula(self, module: Any, step: GradientStep) -> RecordedSteps:
        """Gradient steps without autograd.

        Raises:
            NoFormulaError: the module or a setting has no gradient by formula.
        """
        raise NoFormulaError(f"{type(self).__name__}'s loss has no gradient by formula")

    def build(self) -> None:
        """As RLlib's; then decides how gradient steps are made."""
        super().build()
        self._by_formula: RecordedSteps | None = None
        self._kernels = kernels.kernels_of(self.config)
        try:
            self._check_settings()
            self._gradient_step = GradientStep(self)
            with kernels.using(self._kernels):
                self._by_formula = self.steps_by_formula(
                    self.module[DEFAULT_MODULE_ID].unwrapped(), self._gradient_step
                )
        except NoFormulaError as reason:
            note(_log, f"updates by autograd: {reason}")
        else:
            note(_log, "updates by formula, without autograd")

    def _check_settings(self) -> None:
        if set(self.module.keys()) != {DEFAULT_MODULE_ID}:
            raise NoFormulaError("several modules are trained")
        reasons = {
            "the loss or the module is not RLlib's own": self._has_own_loss(),
            "gradients are averaged over several learners": self.config.num_learners > 1,
            "the gradients are scaled for mixed precision": self._grad_scalers is not None,
            "the update is compiled": self._torch_compile_complete_update,
        }
        for reason, holds in reasons.items():
            if holds:
                raise NoFormulaError(reason)

    def _has_own_loss(self) -> bool:
        """True if a subclass or the object itself changes the loss of the formula, or the module has its own."""
        by_formula = next(cls for cls in type(self).__mro__ if "steps_by_formula" in vars(cls))
        return isinstance(self.module[DEFAULT_MODULE_ID].unwrapped(), SelfSupervisedLossAPI) or any(
            name in vars(self) or getattr(type(self), name) is not getattr(by_formula, name)
            for name in _LOSS_METHODS
        )

    def _uncompiled_update(self, batch: dict[str, Any], **kwargs: Any) -> Any:
        """One gradient step, and the losses by module in the second place of what is returned."""
        steps = self._by_formula
        if steps is None or set(batch) != {DEFAULT_MODULE_ID} or self._needs_autograd():
            return super()._uncompiled_update(batch, **kwargs)
        self._compute_off_policyness(batch)
        self.module[DEFAULT_MODULE_ID].unwrapped().train()
        parts = steps.step(batch[DEFAULT_MODULE_ID], self.TOTAL_LOSS_KEY)
        total = parts.pop(self.TOTAL_LOSS_KEY)
        self.metrics.log_dict(parts, key=DEFAULT_MODULE_ID, window=1)
        self._gradient_step.log()
        self._kernels.settle()
        return {}, {DEFAULT_MODULE_ID: total}, {}

    def _needs_autograd(self) -> bool:
        """True if something was put into the learner or its module since they were built."""
        return self._has_own_loss() or is_watched(self.module[DEFAULT_MODULE_ID].unwrapped())


def array(column: Tensor) -> NDArray[Any]:
    """A column of RLlib's batch as an array; of floats, as float32."""
    found: NDArray[Any] = column.detach().numpy()
    return found.astype(np.float32) if found.dtype == np.float64 else found
