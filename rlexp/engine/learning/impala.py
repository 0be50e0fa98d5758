"""IMPALA (Espeholt et al. 2018) on rollouts: RLlib's loss, metrics and state, without its Python per step."""

from __future__ import annotations

from typing import Any

import torch
from ray.rllib.algorithms.impala.torch.impala_torch_learner import IMPALATorchLearner
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.learner import ENTROPY_KEY
from torch import Tensor

from rlexp.engine.gradients.impala import Weights
from rlexp.engine.learning.vtrace_learners import Scored, VTraceLearner
from rlexp.engine.learning.vtrace_steps import IMPALASteps


class FastIMPALATorchLearner(VTraceLearner, IMPALATorchLearner):
    """RLlib's IMPALA learner that also takes rollouts."""

    stock = IMPALATorchLearner

    def steps_by_formula(self) -> IMPALASteps:
        """See `FastLearner`."""
        module = self.module[DEFAULT_MODULE_ID].unwrapped()
        return IMPALASteps(module, self.gradient_step, self.correction, self._term_weights)

    def _term_weights(self) -> Weights:
        return Weights(float(self.entropy_coefficient()), self._module_config.vf_loss_coeff)

    def loss_of(
        self, minibatch: dict[str, Any], scored: Scored, length: int
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        """Policy gradient with v-trace's advantages, value loss and entropy bonus."""
        targets, advantages = self.corrected(minibatch, scored, scored.logp, length)
        policy_loss = -torch.sum(scored.logp * advantages * scored.mask)
        value_loss = 0.5 * torch.sum((scored.values - targets).square() * scored.mask)
        entropy = scored.mean(scored.policy.entropy())
        mean_policy_loss, mean_value_loss = policy_loss / scored.steps, value_loss / scored.steps
        loss = (
            mean_policy_loss
            + self._module_config.vf_loss_coeff * mean_value_loss
            - self.entropy_coefficient() * entropy
        )
        return loss, {
            "pi_loss": policy_loss,
            "mean_pi_loss": mean_policy_loss,
            "vf_loss": value_loss,
            "mean_vf_loss": mean_value_loss,
            ENTROPY_KEY: entropy,
        }
