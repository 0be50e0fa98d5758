"""SAC (Haarnoja et al. 2018) from ready batches: RLlib's four losses by one backward pass, its metrics and state.

The losses' parameters are disjoint, and what each loss takes from the others' networks is detached or frozen, so the
gradient of their sum is that of each: RLlib goes backwards through the entire graph once an optimiser instead.
"""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import torch
import tree
from ray.rllib.algorithms.sac.sac_learner import (
    LOGPS_KEY,
    QF_LOSS_KEY,
    QF_MAX_KEY,
    QF_MEAN_KEY,
    QF_MIN_KEY,
    QF_TWIN_LOSS_KEY,
    TD_ERROR_MEAN_KEY,
)
from ray.rllib.algorithms.sac.torch.default_sac_torch_rl_module import DefaultSACTorchRLModule
from ray.rllib.algorithms.sac.torch.sac_torch_learner import SACTorchLearner
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.distribution.torch.torch_distribution import TorchSquashedGaussian
from ray.rllib.core.learner.learner import POLICY_LOSS_KEY
from ray.rllib.utils.numpy import MAX_LOG_NN_OUTPUT, MIN_LOG_NN_OUTPUT
from torch import Tensor
from torch.nn.functional import huber_loss, log_softmax, softplus

from rlexp.engine.learning.off_policy import ReplayLearner, discounts
from rlexp.engine.learning.sac_steps import ContinuousSACSteps, DiscreteSACSteps, SACSteps
from rlexp.engine.network_functions import action_value_function, acts_as, encoder_function, head_function
from rlexp.engine.replay.replay_batch import ReplayBatch

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


class FastSACTorchLearner(ReplayLearner, SACTorchLearner):
    """RLlib's SAC learner that also takes ready batches (`update(episodes=[ReplayBatch])`)."""

    stock = SACTorchLearner

    def prepare(self, module: Any) -> bool:
        """See `ReplayLearner`."""
        if not acts_as(module, DefaultSACTorchRLModule):
            return False
        self._discrete = isinstance(module.action_space, gym.spaces.Discrete)
        twin = bool(self._module_config.twin_q)
        squashed = module.get_train_action_dist_cls() is TorchSquashedGaussian
        # RLlib's own discrete loss needs both critics.
        fits = twin if self._discrete else squashed
        if not fits:
            return False
        encode, head = encoder_function(module.pi_encoder), head_function(module.pi)
        self._policy = lambda observations: head(encode(observations))
        names = ("qf", "qf_twin") if twin else ("qf",)
        parts = [(getattr(module, f"{name}_encoder"), getattr(module, name)) for name in names]
        targets = [
            (getattr(module, f"target_{name}_encoder"), getattr(module, f"target_{name}")) for name in names
        ]
        self._critics = [self._critic(*part) for part in parts]
        self._target_critics = [self._critic(*part) for part in targets]
        self._critic_parameters = [p for part in parts for net in part for p in net.parameters()]
        return True

    def _critic(self, encoder: Any, head: Any) -> Any:
        if not self._discrete:
            return action_value_function(encoder, head)
        encode, values = encoder_function(encoder), head_function(head)
        return lambda observations: values(encode(observations))

    def steps_by_formula(self) -> SACSteps:
        """See `FastLearner`."""
        config, module = self._module_config, self.module[DEFAULT_MODULE_ID].unwrapped()
        steps = DiscreteSACSteps if self._discrete else ContinuousSACSteps
        return steps(
            module,
            bool(config.twin_q),
            self.gradient_step,
            self.curr_log_alpha[DEFAULT_MODULE_ID],
            float(self.target_entropy[DEFAULT_MODULE_ID]),
            float(config.gamma),
            self.TOTAL_LOSS_KEY,
        )

    def minimise(self, batch: ReplayBatch) -> Tensor:
        """See `ReplayLearner`."""
        log_alpha = self.curr_log_alpha[DEFAULT_MODULE_ID]
        alpha = log_alpha.detach().exp()
        obs, new_obs = (tree.map_structure(self.tensor, columns) for columns in (batch.obs, batch.new_obs))
        losses = self._discrete_losses if self._discrete else self._continuous_losses
        policy_loss, entropy, values, predictions, following = losses(obs, new_obs, batch, alpha)
        discount = self.tensor(discounts(batch, self._module_config.gamma))
        target = torch.addcmul(self.tensor(batch.rewards), discount, following)
        critic_losses = [self._critic_loss(each, target, batch) for each in predictions]
        # `entropy` is of the policy, detached: where it is below its target, alpha grows.
        alpha_loss = (log_alpha * (entropy - self.target_entropy[DEFAULT_MODULE_ID])).mean()
        total = policy_loss + alpha_loss + sum(critic_losses)
        self.gradient_step.minimise(total)
        with torch.no_grad():
            errors = torch.stack([(each - target).abs() for each in predictions]).mean(dim=0)
        self._last = {
            self.TOTAL_LOSS_KEY: total,
            POLICY_LOSS_KEY: policy_loss,
            "alpha_loss": alpha_loss,
            "alpha": alpha,
            "values": values,
            "errors": errors,
            **dict(zip((QF_LOSS_KEY, QF_TWIN_LOSS_KEY), critic_losses, strict=False)),
            **self._logged,
        }
        self._last = {name: tensor.detach() for name, tensor in self._last.items()}
        return errors

    def _continuous_losses(self, obs: Any, new_obs: Any, batch: ReplayBatch, alpha: Tensor) -> Any:
        actions, logp = squashed_sample(self._policy(obs))
        with torch.no_grad():
            next_actions, next_logp = squashed_sample(self._policy(new_obs))
            following = _least([critic(new_obs, next_actions) for critic in self._target_critics])
            following = following - alpha * next_logp
        replayed = self.tensor(batch.actions)
        predictions = [critic(obs, replayed) for critic in self._critics]
        self._freeze(True)
        values = _least([critic(obs, actions) for critic in self._critics])
        self._freeze(False)
        policy_loss = (alpha * logp - values).mean()
        self._logged = {LOGPS_KEY: logp}
        return policy_loss, -logp.detach(), values, predictions, following

    def _discrete_losses(self, obs: Any, new_obs: Any, batch: ReplayBatch, alpha: Tensor) -> Any:
        with torch.no_grad():
            next_log_probs = log_softmax(self._policy(new_obs), dim=-1)
            following = _least([critic(new_obs) for critic in self._target_critics])
            following = (next_log_probs.exp() * (following - alpha * next_log_probs)).sum(dim=-1)
        every = [critic(obs) for critic in self._critics]
        actions = self.tensor(batch.actions).long().unsqueeze(-1)
        predictions = [each.gather(-1, actions).squeeze(-1) for each in every]
        log_probs = log_softmax(self._policy(obs), dim=-1)
        probs = log_probs.exp()
        values = _least([each.detach() for each in every])
        policy_loss = (probs * (alpha * log_probs - values)).sum(dim=-1).mean()
        self._logged = {LOGPS_KEY: log_probs}
        # RLlib's alpha loss takes the sum of p log p, the negative entropy, as it does the log-probability.
        return policy_loss, -(probs * log_probs).sum(dim=-1).detach(), every[0], predictions, following

    def _critic_loss(self, predictions: Tensor, target: Tensor, batch: ReplayBatch) -> Tensor:
        if not batch.prioritized:
            return huber_loss(predictions, target)
        return (self.tensor(batch.weights) * huber_loss(predictions, target, reduction="none")).mean()

    def _freeze(self, frozen: bool) -> None:
        """The policy's loss goes through the critics to the actions, not to their weights."""
        for parameter in self._critic_parameters:
            parameter.requires_grad = not frozen

    def log_last(self) -> None:
        """See `ReplayLearner`."""
        last = self._last
        values, alpha = last["values"], last["alpha"]
        losses = {
            name: last[name]
            for name in (self.TOTAL_LOSS_KEY, POLICY_LOSS_KEY, "alpha_loss", QF_LOSS_KEY, QF_TWIN_LOSS_KEY)
            if name in last
        }
        losses |= {
            "alpha_value": alpha[0],
            "log_alpha_value": alpha.log()[0],
            "target_entropy": self.target_entropy[DEFAULT_MODULE_ID],
            LOGPS_KEY: last[LOGPS_KEY].mean(),
            QF_MEAN_KEY: values.mean(),
            QF_MAX_KEY: values.max(),
            QF_MIN_KEY: values.min(),
            TD_ERROR_MEAN_KEY: last["errors"].mean(),
        }
        self.log_losses({name: float(value) for name, value in losses.items()})


def squashed_sample(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """A sample of the tanh-squashed Gaussian and its log-probability (Haarnoja et al. 2018, appendix C).

    Args:
        inputs: [B, 2 A], means and logarithms of standard deviations.

    Returns:
        [B, A] in [-1, 1], through which gradients flow, and [B].
    """
    mean, log_std = inputs.chunk(2, dim=-1)
    log_std = log_std.clamp(MIN_LOG_NN_OUTPUT, MAX_LOG_NN_OUTPUT)
    noise = torch.randn_like(mean)
    raw = torch.addcmul(mean, noise, log_std.exp())
    gaussian = -(0.5 * noise.square() + log_std + _HALF_LOG_TWO_PI)
    jacobian = 2.0 * (math.log(2.0) - raw - softplus(-2.0 * raw))
    return raw.tanh(), (gaussian - jacobian).sum(dim=-1)


def _least(values: list[Tensor]) -> Tensor:
    return values[0] if len(values) == 1 else torch.min(values[0], values[1])
