"""DQN (Mnih et al. 2015) from ready batches: double, duelling, n-step; RLlib's losses, metrics and state.

A distributional or recurrent Q network goes through RLlib's own loss function. Imported only once training starts: it
imports RLlib.
"""

from __future__ import annotations

from typing import Any

import torch
import tree
from ray.rllib.algorithms.dqn.dqn_learner import (
    QF_LOSS_KEY,
    QF_MAX_KEY,
    QF_MEAN_KEY,
    QF_MIN_KEY,
    TD_ERROR_MEAN_KEY,
)
from ray.rllib.algorithms.dqn.torch.default_dqn_torch_rl_module import DefaultDQNTorchRLModule
from ray.rllib.algorithms.dqn.torch.dqn_torch_learner import DQNTorchLearner
from ray.rllib.core import DEFAULT_MODULE_ID
from torch import Tensor
from torch.nn.functional import huber_loss, mse_loss

from rlexp.engine.learning.dqn_steps import DQNSteps
from rlexp.engine.learning.off_policy import ReplayLearner, discounts
from rlexp.engine.network_functions import acts_as, encoder_function, head_function
from rlexp.engine.replay.replay_batch import ReplayBatch


class FastDQNTorchLearner(ReplayLearner, DQNTorchLearner):
    """RLlib's DQN learner that also takes ready batches (`update(episodes=[ReplayBatch])`)."""

    stock = DQNTorchLearner

    def prepare(self, module: Any) -> bool:
        """See `ReplayLearner`."""
        if not acts_as(module, DefaultDQNTorchRLModule) or module.num_atoms > 1:
            return False
        heads = (module.af, module.vf if module.uses_dueling else None)
        targets = (module._target_af, module._target_vf if module.uses_dueling else None)
        self._online = _QNetwork(module.encoder, *heads)
        self._target = _QNetwork(module._target_encoder, *targets)
        self._loss = huber_loss if self._module_config.td_error_loss_fn == "huber" else mse_loss
        return True

    def steps_by_formula(self) -> DQNSteps:
        """See `FastLearner`."""
        module = self.module[DEFAULT_MODULE_ID].unwrapped()
        return DQNSteps(module, self.gradient_step, self._module_config, self.TOTAL_LOSS_KEY)

    def minimise(self, batch: ReplayBatch) -> Tensor:
        """See `ReplayLearner`."""
        config = self._module_config
        obs, new_obs = (tree.map_structure(self.tensor, columns) for columns in (batch.obs, batch.new_obs))
        rewards, discount = self.tensor(batch.rewards), self.tensor(discounts(batch, config.gamma))
        with torch.no_grad():
            following = self._target(new_obs)
            if config.double_q:
                best = self._online.advantages(new_obs).argmax(dim=-1, keepdim=True)
                values = following.gather(-1, best).squeeze(-1)
            else:
                values = following.amax(dim=-1)
            target = torch.addcmul(rewards, discount, values)
        actions = self.tensor(batch.actions).long().unsqueeze(-1)
        selected = self._online(obs).gather(-1, actions).squeeze(-1)
        if batch.prioritized:
            weights = self.tensor(batch.weights)
            loss = (weights * self._loss(selected, target, reduction="none")).mean()
        else:
            loss = self._loss(selected, target)
        self.gradient_step.minimise(loss)
        selected = selected.detach()
        self._last = {"loss": loss.detach(), "selected": selected, "target": target}
        return (selected - target).abs_()

    def log_last(self) -> None:
        """See `ReplayLearner`."""
        loss, selected = self._last["loss"], self._last["selected"]
        losses = {
            self.TOTAL_LOSS_KEY: loss,
            QF_LOSS_KEY: loss,
            QF_MEAN_KEY: selected.mean(),
            QF_MAX_KEY: selected.max(),
            QF_MIN_KEY: selected.min(),
            TD_ERROR_MEAN_KEY: (selected - self._last["target"]).abs().mean(),
        }
        self.log_losses({name: value.item() for name, value in losses.items()})


class _QNetwork:
    """Observations to action values, [B, A]; with a value head, V + A - mean A (Wang et al. 2016)."""

    def __init__(self, encoder: Any, advantages: Any, values: Any | None) -> None:
        self._encode = encoder_function(encoder)
        self._advantages = head_function(advantages)
        self._values = head_function(values) if values is not None else None

    def __call__(self, observations: Any) -> Tensor:
        encoded = self._encode(observations)
        advantages = self._advantages(encoded)
        if self._values is None:
            return advantages
        return advantages - advantages.mean(dim=-1, keepdim=True) + self._values(encoded)

    def advantages(self, observations: Any) -> Tensor:
        """What orders the actions as their values do."""
        return self._advantages(self._encode(observations))
