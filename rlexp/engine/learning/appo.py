"""APPO (IMPACT, Luo et al. 2020) on rollouts: RLlib's loss, metrics and state, without its Python per step."""

from __future__ import annotations

import math
from typing import Any

import torch
from ray.rllib.algorithms.appo.appo import (
    LEARNER_RESULTS_CURR_KL_COEFF_KEY,
    LEARNER_RESULTS_KL_KEY,
    LEARNER_RESULTS_MEAN_IS_KEY,
    LEARNER_RESULTS_VAR_IS_KEY,
    APPOConfig,
)
from ray.rllib.algorithms.appo.torch.appo_torch_learner import APPOTorchLearner
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.core.learner.learner import ENTROPY_KEY, POLICY_LOSS_KEY, VF_LOSS_KEY
from ray.rllib.core.rl_module.apis import TARGET_NETWORK_ACTION_DIST_INPUTS
from torch import Tensor

from rlexp.engine.gradients.appo import LARGEST_RATIO, Weights
from rlexp.engine.learning.distributions import makers
from rlexp.engine.learning.policy_change import log_change, policy_change
from rlexp.engine.learning.vtrace_learners import Scored, VTraceLearner
from rlexp.engine.learning.vtrace_steps import APPOSteps


def log_ratio(now: Tensor, target: Tensor, acted: Tensor) -> Tensor:
    """Of the ratio that APPO's loss clips: the policy over the target network's, importance weights bounded.

    Args:
        now: log-probabilities of the actions taken, by the policy; any shape.
        target: by the target network.
        acted: by the policy that acted.
    """
    return (acted - target).clamp(max=math.log(LARGEST_RATIO)) + now - acted


class MeasuredAPPOTorchLearner(APPOTorchLearner):
    """RLlib's APPO learner, which also logs how far the policy has moved."""

    def compute_loss_for_module(
        self, *, module_id: str, config: APPOConfig, batch: dict[str, Any], fwd_out: dict[str, Any]
    ) -> Any:
        """RLlib's loss. The target network runs once more for the figures."""
        loss = super().compute_loss_for_module(
            module_id=module_id, config=config, batch=batch, fwd_out=fwd_out
        )
        module = self.module[module_id].unwrapped()
        kind, actions = module.get_train_action_dist_cls(), batch[Columns.ACTIONS]
        with torch.no_grad():
            outputs = fwd_out[Columns.ACTION_DIST_INPUTS], module.forward_target(batch)
            now = kind.from_logits(outputs[0]).logp(actions)
            target = kind.from_logits(outputs[1][TARGET_NETWORK_ACTION_DIST_INPUTS]).logp(actions)
            moved = log_ratio(now, target, batch[Columns.ACTION_LOGP])
        log_change(self, module_id, moved, config.clip_param, batch)
        return loss


class FastAPPOTorchLearner(VTraceLearner, APPOTorchLearner):
    """RLlib's APPO learner that also takes rollouts; target network and KL coefficient are updated as RLlib does."""

    stock = APPOTorchLearner

    def steps_by_formula(self) -> APPOSteps:
        """See `FastLearner`."""
        module = self.module[DEFAULT_MODULE_ID].unwrapped()
        return APPOSteps(module, self.gradient_step, self.correction, self._term_weights)

    def _term_weights(self) -> Weights:
        config = self._module_config
        kl = float(self.curr_kl_coeffs_per_module[DEFAULT_MODULE_ID])
        entropy = float(self.entropy_coefficient())
        return Weights(config.clip_param, entropy, kl, config.use_kl_loss, config.vf_loss_coeff)

    def loss_of(
        self, minibatch: dict[str, Any], scored: Scored, length: int
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        """PPO's clipped surrogate against the target network's policy, which v-trace corrects towards."""
        config, module = self._module_config, self.module[DEFAULT_MODULE_ID].unwrapped()
        (make,) = makers(module.get_train_action_dist_cls())
        old = make(module.forward_target(minibatch)[TARGET_NETWORK_ACTION_DIST_INPUTS].detach())
        old_logp = old.logp(minibatch[Columns.ACTIONS]).reshape(-1)
        targets, advantages = self.corrected(minibatch, scored, old_logp, length)
        advantages = advantages * scored.mask
        old_ratio = (scored.behaviour_logp - old_logp).exp().clamp(0.0, LARGEST_RATIO)
        ratio = old_ratio * (scored.logp - scored.behaviour_logp).exp()
        clipped = ratio.clamp(1 - config.clip_param, 1 + config.clip_param)
        policy_loss = -torch.sum(torch.minimum(advantages * ratio, advantages * clipped)) / scored.steps
        value_loss = 0.5 * scored.mean((scored.values - targets).square())
        entropy = scored.mean(scored.policy.entropy())
        coefficient = self.curr_kl_coeffs_per_module[DEFAULT_MODULE_ID]
        loss = policy_loss + config.vf_loss_coeff * value_loss - self.entropy_coefficient() * entropy
        kl: Tensor | float = 0.0
        if config.use_kl_loss:
            kl = scored.mean(old.kl(scored.policy))
            loss = loss + coefficient * kl
        mean_ratio = scored.mean(old_ratio)
        return loss, {
            POLICY_LOSS_KEY: policy_loss,
            VF_LOSS_KEY: value_loss,
            ENTROPY_KEY: entropy,
            LEARNER_RESULTS_KL_KEY: kl,
            LEARNER_RESULTS_CURR_KL_COEFF_KEY: coefficient,
            LEARNER_RESULTS_MEAN_IS_KEY: mean_ratio,
            LEARNER_RESULTS_VAR_IS_KEY: scored.mean((old_ratio - mean_ratio).square()),
            **policy_change(
                log_ratio(scored.logp, old_logp, scored.behaviour_logp), config.clip_param, scored.mean
            ),
        }
