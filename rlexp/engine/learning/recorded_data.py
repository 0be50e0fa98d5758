"""RLlib's learners of recorded data, with the gradient steps by formula where a module has one."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.core.rl_module.apis import SelfSupervisedLossAPI
from torch import Tensor

from rlexp.compat.torch import is_watched
from rlexp.engine.dense import kernels
from rlexp.engine.dense.chain import NoFormulaError
from rlexp.engine.learning import update_way
from rlexp.engine.learning.gradient_step import GradientStep


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
        self._kernels = kernels.kernels_of(self.config)
        several = set(self.module.keys()) != {DEFAULT_MODULE_ID}
        reasons = {
            "several modules are trained": several,
            "the loss or the module is not RLlib's own": not several and self._has_own_loss(),
            "gradients are averaged over several learners": self.config.num_learners > 1,
            "the gradients are scaled for mixed precision": self._grad_scalers is not None,
            "the update is compiled": self._torch_compile_complete_update,
        }
        self._by_formula: RecordedSteps | None = update_way.by_formula(self._steps, self._kernels, reasons)

    def _steps(self) -> RecordedSteps:
        self._gradient_step = GradientStep(self)
        return self.steps_by_formula(self.module[DEFAULT_MODULE_ID].unwrapped(), self._gradient_step)

    def _has_own_loss(self) -> bool:
        """True if a subclass or the object itself changes the loss of the formula, or the module has its own."""
        of_its_own = isinstance(self.module[DEFAULT_MODULE_ID].unwrapped(), SelfSupervisedLossAPI)
        return of_its_own or update_way.overrides_any(self, update_way.LOSS_METHODS)

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


def targets(batch: dict[str, Any], following: NDArray[np.float32], gamma: float) -> NDArray[np.float32]:
    """[B]: the reward, and the discounted value of what follows where something does."""
    alive = np.float32(1) - array(batch[Columns.TERMINATEDS])
    bellman: NDArray[np.float32] = following * (np.float32(gamma) * alive)
    bellman += array(batch[Columns.REWARDS])
    return bellman
