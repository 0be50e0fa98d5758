"""IQL's gradient steps without autograd, on RLlib's batches of recorded data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray.rllib.algorithms.iql.torch.default_iql_torch_rl_module import DefaultIQLTorchRLModule
from ray.rllib.algorithms.sac.sac_learner import QF_LOSS_KEY, QF_TWIN_LOSS_KEY
from ray.rllib.core.columns import Columns
from ray.rllib.core.learner.learner import POLICY_LOSS_KEY

from rlexp.engine.dense.chain import chain_of
from rlexp.engine.dense.flat_parameters import FrozenParameters
from rlexp.engine.gradients.critics import critic_named
from rlexp.engine.gradients.iql import PolicyLoss, ValueLoss
from rlexp.engine.gradients.sac import least
from rlexp.engine.gradients.squashed_density import SquashedDensity
from rlexp.engine.gradients.td_loss import TDLoss
from rlexp.engine.learning.default_module import check_default, check_squashed
from rlexp.engine.learning.gradient_step import GradientStep
from rlexp.engine.learning.recorded_data import array, targets

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Settings:
    """RLlib's.

    Attributes:
        gamma: discount.
        expectile: of the value function.
        beta: how much the policy goes by the advantages.
        twin: whether there are two critics.
    """

    gamma: float
    expectile: float
    beta: float
    twin: bool


class IQLSteps:
    """Steps of the optimisers of policy, critics and value function: see `RecordedSteps`.

    All gradients are of the weights before the step, as in RLlib. The actions that RLlib draws at each step, and does
    not use, are not drawn.

    Args:
        module: acts as RLlib's default module of IQL.
        step: the learner's.
        settings: RLlib's.

    Raises:
        NoFormulaError: its networks or its distribution have no gradient by formula.
    """

    def __init__(self, module: Any, step: GradientStep, settings: Settings) -> None:
        check_default(module, DefaultIQLTorchRLModule)
        check_squashed(module)
        self._step, self._settings = step, settings
        names = ("qf", "qf_twin") if settings.twin else ("qf",)
        self._policy = chain_of(module.pi_encoder, module.pi)
        self._value = chain_of(module.vf_encoder, module.vf)
        self._critics = [critic_named(module, name) for name in names]
        self._targets = [critic_named(module, f"target_{name}") for name in names]
        trained: tuple[Any, ...] = (self._policy, self._value, *self._critics)
        step.flatten(each for net in trained for each in net.parameters())
        for net in trained:
            net.view(step)

    def step(self, batch: dict[str, Any], total_key: str) -> dict[str, float]:
        """See `RecordedSteps`."""
        self._step.gather()
        observations, actions = array(batch[Columns.OBS]), array(batch[Columns.ACTIONS])
        critics = self._critic_losses(batch, observations, actions)
        for net in self._targets:
            net.view(FrozenParameters())
        target_values = least([net.forward(observations, actions) for net in self._targets])
        value = ValueLoss(self._value.forward(observations)[:, 0], target_values, self._settings.expectile)
        self._value.backward(value.gradient()[:, None])
        density = SquashedDensity(self._policy.forward(observations))
        policy = PolicyLoss(density.logp(actions), value.advantages, self._settings.beta)
        self._policy.backward(density.gradient(policy.gradient()))
        self._step.apply_flat()
        parts = dict(zip((QF_LOSS_KEY, QF_TWIN_LOSS_KEY), critics, strict=False))
        return {
            POLICY_LOSS_KEY: policy.value(),
            **parts,
            total_key: value.value() + policy.value() + sum(critics),
        }

    def _critic_losses(self, batch: dict[str, Any], observations: Array, actions: Array) -> list[float]:
        """Writes the critics' gradients; returns their losses."""
        next_values = self._value.forward(array(batch[Columns.NEXT_OBS]))[:, 0]
        bellman = targets(batch, next_values, self._settings.gamma)
        share, losses = 1 / len(self._critics), []
        for critic in self._critics:
            loss = TDLoss(critic.forward(observations, actions), bellman, None, huber=False)
            critic.backward(loss.gradient() * np.float32(share))
            losses.append(loss.value() * share)
        return losses
