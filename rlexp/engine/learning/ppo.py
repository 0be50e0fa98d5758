"""PPO (Schulman et al. 2017) on rollouts: RLlib's loss, gradients, metrics and state, without its Python per step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.algorithms.ppo.ppo import (
    LEARNER_RESULTS_KL_KEY,
    LEARNER_RESULTS_VF_EXPLAINED_VAR_KEY,
    LEARNER_RESULTS_VF_LOSS_UNCLIPPED_KEY,
)
from ray.rllib.algorithms.ppo.torch.ppo_torch_learner import PPOTorchLearner
from ray.rllib.core import ALL_MODULES, DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.core.learner.learner import ENTROPY_KEY, POLICY_LOSS_KEY, VF_LOSS_KEY
from ray.rllib.evaluation.postprocessing import Postprocessing
from ray.rllib.utils.torch_utils import explained_variance
from torch import Tensor

from rlexp.engine.dense.chain import NoFormulaError
from rlexp.engine.gradients.ppo import Weights
from rlexp.engine.learning import train_batch
from rlexp.engine.learning.distributions import makers
from rlexp.engine.learning.encoded_ppo_steps import EncodedPPOSteps
from rlexp.engine.learning.episode_signals import EpisodeSignals
from rlexp.engine.learning.gae import Advantages, estimate, standardise
from rlexp.engine.learning.on_policy import EpochLearner, EpochSteps
from rlexp.engine.learning.policy_change import policy_change
from rlexp.engine.learning.ppo_steps import PPOSteps
from rlexp.engine.learning.sequences import of_sequences, sequence_values
from rlexp.engine.learning.train_batch import VALUE_ROWS, Tensors, TrainBatch, slice_of
from rlexp.engine.rollout import Rollout
from rlexp.environment.tasks.outcome import log_outcome

_LOSS_COLUMNS = (
    Columns.ACTIONS,
    Columns.ACTION_LOGP,
    Columns.ACTION_DIST_INPUTS,
    Postprocessing.ADVANTAGES,
    Postprocessing.VALUE_TARGETS,
)


class FastPPOTorchLearner(EpochLearner, PPOTorchLearner):
    """RLlib's PPO learner that also takes rollouts."""

    stock = PPOTorchLearner
    loss_columns = _LOSS_COLUMNS
    reads_embeddings = True

    def build(self) -> None:
        """As RLlib's; then no episode has begun."""
        super().build()
        self._signals = EpisodeSignals()
        self._learns = True

    def steps_by_formula(self) -> EpochSteps:
        """See `FastLearner`; where the encoder has no formula, it alone learns by autograd."""
        if not self._module_config.use_critic:
            raise NoFormulaError("algorithm.use_critic=false")
        module = self.module[DEFAULT_MODULE_ID].unwrapped()
        try:
            return PPOSteps(module, self.gradient_step, self._term_weights)
        except NoFormulaError as reason:
            steps = EncodedPPOSteps(module, self.gradient_step, self._term_weights)
            steps.description = f"{steps.description}: {reason}"
            return steps

    def _term_weights(self) -> Weights:
        config = self._module_config
        kl = float(self.curr_kl_coeffs_per_module[DEFAULT_MODULE_ID]) if config.use_kl_loss else None
        entropy = float(self.entropy_coefficient())
        return Weights(config.clip_param, entropy, kl, config.vf_loss_coeff, config.vf_clip_param)

    def items_of(self, batch: TrainBatch, size: int) -> int:
        """See `EpochLearner`."""
        if batch.mask is None:
            return size
        # As many steps as asked for, on average, in complete sequences.
        return max(1, int(batch.num_items * size / batch.num_steps))

    def train_batch(self, rollouts: list[Rollout]) -> TrainBatch | None:
        """The valid steps with advantages and value targets, or sequences of them for a recurrent module.

        Steps of episodes that must not be learnt from are left out, as if nobody had made them; where the teacher
        needs signals, the outcomes of all episodes go to the metrics with them.
        """
        module, config = self.module[DEFAULT_MODULE_ID].unwrapped(), self._module_config
        observations = train_batch.observations_of(rollouts, self._device)
        if module.is_stateful():
            length = module.model_config["max_seq_len"]
            values = sequence_values(module, rollouts, observations, length, self._device)
        else:
            # RLlib counts an update before it is made; the runner's weights are those of the count before.
            values = row_values(module, rollouts, observations, self._weights_seq_no - 1)
        found = [estimate(v, r, config.gamma, config.lambda_) for v, r in zip(values, rollouts, strict=True)]
        self._attach_signals(rollouts, found, values)
        rollouts = [rollout.to_learn_from() for rollout in rollouts]
        self._learns = any(map(len, rollouts))
        if not self._learns:
            return None
        advantages = standardise(found, values, rollouts, config.gamma, config.lambda_)
        targets = [each.targets.T[r.valid.T] for each, r in zip(found, rollouts, strict=True)]
        batch = train_batch.of_steps(rollouts, observations, self._device)
        added: dict[str, list[Any]] = {
            Postprocessing.ADVANTAGES: advantages,
            Postprocessing.VALUE_TARGETS: targets,
        }
        for name, parts in added.items():
            column = np.concatenate(parts).astype(np.float32)
            batch.columns[name] = train_batch.to_tensors(column, self._device)
        return of_sequences(batch, rollouts, length) if module.is_stateful() else batch

    def _update_module_kl_coeff(self, **kwargs: Any) -> None:
        """As RLlib's; where every step was left out there is no divergence to go by."""
        if self._learns:
            super()._update_module_kl_coeff(**kwargs)

    def _attach_signals(
        self, rollouts: list[Rollout], found: list[Advantages], values: list[NDArray[np.float32]]
    ) -> None:
        for rollout, each, value in zip(rollouts, found, values, strict=True):
            if rollout.ended is not None:
                for outcome in self._signals.take(rollout, each.advantages, value):
                    log_outcome(self.metrics, outcome, ALL_MODULES)

    def loss(self, minibatch: dict[str, Any], detail: bool = True) -> tuple[Tensor, dict[str, Tensor]]:
        """RLlib's PPO loss of a minibatch and its parts by RLlib's names; all that RLlib logs, with `detail`."""
        config, module = self._module_config, self.module[DEFAULT_MODULE_ID].unwrapped()
        mean = _mean_over(minibatch.get(Columns.LOSS_MASK))
        out = self._forward(minibatch)
        classes = module.get_train_action_dist_cls(), module.get_exploration_action_dist_cls()
        make_now, make_then = makers(*classes)
        now = make_now(out[Columns.ACTION_DIST_INPUTS])
        log_ratio = now.logp(minibatch[Columns.ACTIONS]) - minibatch[Columns.ACTION_LOGP]
        ratio = torch.exp(log_ratio)
        advantages = minibatch[Postprocessing.ADVANTAGES]
        clipped = ratio.clamp(1 - config.clip_param, 1 + config.clip_param)
        policy_loss = -mean(torch.min(advantages * ratio, advantages * clipped))
        entropy = mean(now.entropy())
        loss = policy_loss - self.entropy_coefficient() * entropy
        kl = torch.zeros((), device=ratio.device)
        if config.use_kl_loss:
            kl = mean(make_then(minibatch[Columns.ACTION_DIST_INPUTS]).kl(now))
            loss = loss + self.curr_kl_coeffs_per_module[DEFAULT_MODULE_ID] * kl
        parts = {POLICY_LOSS_KEY: policy_loss, ENTROPY_KEY: entropy, LEARNER_RESULTS_KL_KEY: kl}
        if config.use_critic:
            values = module.compute_values(minibatch, embeddings=out.get(Columns.EMBEDDINGS))
            errors = (values - minibatch[Postprocessing.VALUE_TARGETS]).square()
            value_loss = mean(errors.clamp(0, config.vf_clip_param))
            loss = loss + config.vf_loss_coeff * value_loss
        else:
            values = errors = value_loss = torch.zeros_like(advantages)
        if detail:
            parts |= policy_change(log_ratio, config.clip_param, mean)
            parts |= {VF_LOSS_KEY: value_loss.mean(), LEARNER_RESULTS_VF_LOSS_UNCLIPPED_KEY: mean(errors)}
            parts[LEARNER_RESULTS_VF_EXPLAINED_VAR_KEY] = _explained_variance(minibatch, values)
        return loss, parts | {self.TOTAL_LOSS_KEY: loss}


def _explained_variance(minibatch: dict[str, Any], values: Tensor) -> Tensor:
    targets, mask = minibatch[Postprocessing.VALUE_TARGETS], minibatch.get(Columns.LOSS_MASK)
    return (
        explained_variance(targets, values)
        if mask is None
        else explained_variance(targets[mask], values[mask])
    )


def _mean_over(mask: Tensor | None) -> Callable[[Tensor], Tensor]:
    return torch.mean if mask is None else lambda data: data[mask].mean()


def row_values(
    module: Any, rollouts: Sequence[Rollout], observations: Tensors, weights_seq_no: int
) -> list[NDArray[np.float32]]:
    """Values of all rows, [T + 1, N] per rollout, in chunks that stay in the cache and in memory.

    Where the runner kept what the shared encoder made of its observations, only the value head is run on it, and
    the entire network on the last row alone, which nobody has acted on.

    Args:
        module: has `compute_values`.
        rollouts: the experience.
        observations: of all rows, as `rlexp.engine.learning.train_batch.observations_of` gives them.
        weights_seq_no: RLlib's number of the module's weights; embeddings of other weights are not used.
    """
    found, start = [], 0
    with torch.no_grad():
        for rollout in rollouts:
            shape = rollout.num_steps + 1, rollout.num_envs
            stop = start + shape[0] * shape[1]
            kept = rollout.embeddings if rollout.weights_seq_no == weights_seq_no else None
            first = start if kept is None else stop - rollout.num_envs
            parts = [] if kept is None else _of_embeddings(module, kept)
            parts += _of_rows(module, observations, first, stop)
            found.append(torch.cat(parts).cpu().numpy().reshape(shape))
            start = stop
    return found


def _of_rows(module: Any, observations: Tensors, first: int, stop: int) -> list[Tensor]:
    return [
        module.compute_values({Columns.OBS: slice_of(observations, low, min(low + VALUE_ROWS, stop))})
        for low in range(first, stop, VALUE_ROWS)
    ]


def _of_embeddings(module: Any, kept: NDArray[np.float32]) -> list[Tensor]:
    device = next(module.parameters()).device
    rows = torch.from_numpy(kept.reshape(-1, kept.shape[-1]))
    return [
        module.compute_values({}, embeddings=rows[low : low + VALUE_ROWS].to(device))
        for low in range(0, len(rows), VALUE_ROWS)
    ]
