"""How far an APPO update moves the policy from its target network's: what APPO's clipping is judged by."""

from __future__ import annotations

import math
from typing import Any

import torch
from ray.rllib.algorithms.appo.appo import APPOConfig
from ray.rllib.algorithms.appo.torch.appo_torch_learner import APPOTorchLearner
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis import TARGET_NETWORK_ACTION_DIST_INPUTS
from torch import Tensor

from rlexp.engine.learning.policy_change import log_change

LARGEST_RATIO = 2.0
"""Bound of the behaviour policy's probabilities over the target network's, as RLlib has it."""


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
