"""IMPALA's and APPO's gradient steps without autograd, on the arrays of a training batch."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from ray.rllib.algorithms.appo.torch.default_appo_torch_rl_module import DefaultAPPOTorchRLModule
from ray.rllib.algorithms.ppo.torch.default_ppo_torch_rl_module import DefaultPPOTorchRLModule
from ray.rllib.core.columns import Columns
from torch import Tensor

from rlexp.engine.dense.flat_parameters import FrozenParameters
from rlexp.engine.gradients import appo, impala
from rlexp.engine.gradients.actor_critic import ActorCritic, policy_chain
from rlexp.engine.gradients.distributions import ActionDistribution
from rlexp.engine.gradients.vtrace_rows import CorrectedRows
from rlexp.engine.learning.default_module import check_default, maker_of
from rlexp.engine.learning.gradient_step import GradientStep
from rlexp.engine.learning.train_batch import TrainBatch
from rlexp.engine.learning.vtrace import Correction, v_trace_of_arrays

Array = NDArray[np.float32]
Column = dict[str, NDArray[Any]]

_TARGET_ROWS = 2048
"""How many rows go through the target network at once: what stays in the cache."""


class VTraceLoss(Protocol):
    """A loss of `rlexp.engine.gradients`."""

    def gradient(self) -> tuple[Array, Array]:
        """Its derivative by the policy's outputs, [M, K], and by the values, [M]."""

    def parts(self, total_key: str) -> dict[str, float]:
        """The loss under `total_key` and its parts."""


class VTraceSteps(abc.ABC):
    """Steps of one module's optimiser: see `rlexp.engine.learning.on_policy.EpochSteps`.

    Args:
        module: acts as RLlib's default module of the algorithm.
        step: the learner's.
        correction: gives v-trace's settings.
        weights: gives what the terms of the loss count now.

    Raises:
        NoFormulaError: its networks or its distribution have no gradient by formula.
    """

    default: ClassVar[type]
    """RLlib's default module."""

    def __init__(
        self,
        module: Any,
        step: GradientStep,
        correction: Callable[[], Correction],
        weights: Callable[[], Any],
    ) -> None:
        check_default(module, self.default)
        self._networks = ActorCritic(module)
        self._make, self._step = maker_of(module), step
        self._correction_now, self._weights_now = correction, weights
        step.flatten(self._networks.parameters())
        self._networks.view(step)

    @abc.abstractmethod
    def loss(self, policy: ActionDistribution, logp: Array, values: Array, columns: Column) -> VTraceLoss:
        """Of M rows.

        Args:
            policy: the distributions, last asked for the log-probabilities.
            logp: [M], of the actions taken.
            values: [M].
            columns: what `begin` made, of these rows.
        """

    def begin(self, batch: TrainBatch) -> None:
        """See `EpochSteps`."""
        self.weights, self._correction = self._weights_now(), self._correction_now()
        self._step.gather()
        assert batch.mask is not None, "batches for v-trace name the steps that were added"
        mask = batch.mask.numpy()
        alive = mask & ~batch.columns[Columns.TERMINATEDS].numpy()
        self._observations, self._rows = batch.observations.numpy(), batch.rows.numpy()
        self._columns: Column = {
            "actions": batch.columns[Columns.ACTIONS].numpy(),
            "acted_logp": batch.columns[Columns.ACTION_LOGP].numpy(),
            "rewards": batch.columns[Columns.REWARDS].numpy(),
            "discounts": alive * np.float32(self._correction.gamma),
            "mask": mask.astype(np.float32),
        }

    def step(self, items: Tensor | None, total_key: str | None) -> dict[str, float] | None:
        """See `EpochSteps`."""
        rows, columns = self._rows, self._columns
        if items is not None:
            chosen = items.numpy()
            rows = rows.take(chosen)
            columns = {name: column.take(chosen, axis=0) for name, column in columns.items()}
        outputs, values = self._networks.forward(self._observations.take(rows, axis=0))
        policy = self._make(outputs)
        loss = self.loss(policy, policy.logp(columns["actions"]), values, columns)
        parts = None if total_key is None else loss.parts(total_key)
        self._networks.backward(*loss.gradient())
        self._step.apply_flat()
        return parts

    def corrected(
        self, policy: ActionDistribution, logp: Array, values: Array, columns: Column, log_ratios: Array
    ) -> CorrectedRows:
        """The rows with v-trace's targets and advantages, which correct by `log_ratios`, [M]."""
        correction, mask = self._correction, columns["mask"]
        targets, advantages = v_trace_of_arrays(
            log_ratios,
            columns["rewards"],
            values,
            columns["discounts"],
            correction.length,
            correction.clip_rho,
            correction.clip_pg_rho,
        )
        return CorrectedRows(policy, logp, values, targets, advantages, mask, float(mask.sum()))


class IMPALASteps(VTraceSteps):
    """IMPALA's: v-trace corrects towards the policy itself."""

    default = DefaultPPOTorchRLModule
    weights: impala.Weights

    def loss(self, policy: ActionDistribution, logp: Array, values: Array, columns: Column) -> VTraceLoss:
        """See `VTraceSteps`."""
        log_ratios = logp - columns["acted_logp"]
        return impala.IMPALALoss(self.corrected(policy, logp, values, columns, log_ratios), self.weights)


class APPOSteps(VTraceSteps):
    """APPO's: v-trace corrects towards the target network's policy, which is the same in all steps on a batch."""

    default = DefaultAPPOTorchRLModule
    weights: appo.Weights

    def __init__(self, module: Any, *given: Any) -> None:
        super().__init__(module, *given)
        self._target = policy_chain(module._old_encoder, module._old_pi)

    def begin(self, batch: TrainBatch) -> None:
        """See `EpochSteps`."""
        super().begin(batch)
        outputs = self._target_outputs()
        self._columns["target_outputs"] = outputs
        self._columns["target_logp"] = self._make(outputs).logp(self._columns["actions"])

    def loss(self, policy: ActionDistribution, logp: Array, values: Array, columns: Column) -> VTraceLoss:
        """See `VTraceSteps`."""
        acted_logp, target_logp = columns["acted_logp"], columns["target_logp"]
        rows = self.corrected(policy, logp, values, columns, target_logp - acted_logp)
        then = self._make(columns["target_outputs"]) if self.weights.use_kl else None
        return appo.APPOLoss(rows, appo.TargetPolicy(then, target_logp, acted_logp), self.weights)

    def _target_outputs(self) -> Array:
        """[items, K], of all rows of the batch."""
        self._target.view(FrozenParameters)
        parts = [
            self._target.forward(self._observations.take(self._rows[low : low + _TARGET_ROWS], axis=0)).copy()
            for low in range(0, len(self._rows), _TARGET_ROWS)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
