"""BC's and MARWIL's gradient steps without autograd, on RLlib's batches of recorded data."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.algorithms.bc.torch.default_bc_torch_rl_module import DefaultBCTorchRLModule
from ray.rllib.algorithms.ppo.torch.default_ppo_torch_rl_module import DefaultPPOTorchRLModule
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from torch import Tensor

from rlexp.engine.dense.chain import chain_of
from rlexp.engine.gradients.actor_critic import ActorCritic
from rlexp.engine.gradients.bc import BCLoss, shares
from rlexp.engine.gradients.distributions import ActionDistribution
from rlexp.engine.gradients.marwil import MARWILLoss, Rows, Weights
from rlexp.engine.learning.default_module import check_default, maker_of
from rlexp.engine.learning.gradient_step import GradientStep
from rlexp.engine.learning.recorded_data import array

Array = NDArray[np.float32]


class BCSteps:
    """Steps of a policy alone: see `rlexp.engine.learning.recorded_data.RecordedSteps`.

    Args:
        module: acts as RLlib's default module of BC.
        step: the learner's.

    Raises:
        NoFormulaError: its networks or its distribution have no gradient by formula.
    """

    def __init__(self, module: Any, step: GradientStep) -> None:
        check_default(module, DefaultBCTorchRLModule)
        self._make, self._step = maker_of(module), step
        self._policy = chain_of(module._encoder, module._pi_head)
        step.flatten(self._policy.parameters())
        self._policy.view(step)

    def step(self, batch: dict[str, Any], total_key: str) -> dict[str, float]:
        """See `RecordedSteps`."""
        self._step.gather()
        policy = self._make(self._policy.forward(array(batch[Columns.OBS])))
        loss = BCLoss(policy, *_scored(policy, batch))
        parts = loss.parts(total_key)
        self._policy.backward(loss.gradient())
        self._step.apply_flat()
        return parts


class MARWILSteps:
    """Steps of a policy and its value function: see `rlexp.engine.learning.recorded_data.RecordedSteps`.

    Args:
        module: acts as RLlib's default module of MARWIL.
        step: the learner's.
        weights: of the loss's terms.
        squares: RLlib's running means of the advantages' squares, by module.

    Raises:
        NoFormulaError: its networks or its distribution have no gradient by formula.
    """

    def __init__(
        self, module: Any, step: GradientStep, weights: Weights, squares: MutableMapping[str, Tensor]
    ) -> None:
        check_default(module, DefaultPPOTorchRLModule)
        self._make, self._step, self._weights, self._squares = maker_of(module), step, weights, squares
        self._networks = ActorCritic(module)
        step.flatten(self._networks.parameters())
        self._networks.view(step)

    def step(self, batch: dict[str, Any], total_key: str) -> dict[str, float]:
        """See `RecordedSteps`."""
        self._step.gather()
        outputs, values = self._networks.forward(array(batch[Columns.OBS]))
        policy = self._make(outputs)
        logp, share = _scored(policy, batch)
        rows = Rows(policy, logp, values, array(batch[Columns.VALUE_TARGETS]), share)
        loss = MARWILLoss(rows, self._weights, float(self._squares[DEFAULT_MODULE_ID]))
        self._squares[DEFAULT_MODULE_ID] = torch.tensor(loss.square, dtype=torch.float32)
        parts = loss.parts(total_key)
        self._networks.backward(*loss.gradient())
        self._step.apply_flat()
        return parts


def _scored(policy: ActionDistribution, batch: dict[str, Any]) -> tuple[Array, Array]:
    """Log-probabilities of the recorded actions, [B], and what each row counts, [B]."""
    mask = batch.get(Columns.LOSS_MASK)
    logp = policy.logp(array(batch[Columns.ACTIONS]))
    return logp, shares(None if mask is None else array(mask).astype(bool), len(logp))
