"""How far an update moves the policy: what PPO's clipping is judged by, and RLlib does not log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from ray.rllib.algorithms.ppo.ppo import PPOConfig
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core.columns import Columns
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from torch import Tensor

from rlexp.engine.gradients.ppo import APPROX_KL, CLIP_FRACTION


@torch.no_grad()
def policy_change(
    log_ratio: Tensor, clip_param: float, mean: Callable[[Tensor], Tensor]
) -> dict[str, Tensor]:
    """The KL divergence from the policy that acted, estimated from the actions taken, and the share of clipped ratios.

    The estimator is (r - 1) - log r (J. Schulman, "Approximating KL divergence", 2020): unbiased, and never negative.

    Args:
        log_ratio: of the actions' probabilities, now over then; any shape.
        clip_param: how far the ratio may leave 1.
        mean: over the steps that count.

    Returns:
        Scalars, under the names that are logged.
    """
    ratio = log_ratio.exp()
    clipped = ((ratio - 1).abs() > clip_param).to(log_ratio.dtype)
    return {APPROX_KL: mean((ratio - 1) - log_ratio), CLIP_FRACTION: mean(clipped)}


def log_change(
    learner: TorchLearner, module_id: str, log_ratio: Tensor, clip_param: float, batch: dict[str, Any]
) -> None:
    """Logs `policy_change` over the steps of `batch`, RLlib's columns, that count for the loss."""
    mask = batch.get(Columns.LOSS_MASK)
    mean = torch.mean if mask is None else lambda values: values[mask].mean()
    learner.metrics.log_dict(policy_change(log_ratio, clip_param, mean), key=module_id, window=1)


class MeasuredPPOTorchLearner(PPOTorchLearner):
    """RLlib's PPO learner, which also logs how far the policy has moved."""

    def compute_loss_for_module(
        self, *, module_id: str, config: PPOConfig, batch: dict[str, Any], fwd_out: dict[str, Any]
    ) -> Any:
        """RLlib's loss."""
        loss = super().compute_loss_for_module(
            module_id=module_id, config=config, batch=batch, fwd_out=fwd_out
        )
        kind = self.module[module_id].unwrapped().get_train_action_dist_cls()
        with torch.no_grad():
            now = kind.from_logits(fwd_out[Columns.ACTION_DIST_INPUTS])
            log_ratio = now.logp(batch[Columns.ACTIONS]) - batch[Columns.ACTION_LOGP]
        log_change(self, module_id, log_ratio, config.clip_param, batch)
        return loss
