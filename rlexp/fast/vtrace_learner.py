"""What IMPALA's and APPO's learners share on rollouts: batches for v-trace, epochs, and RLlib's learner thread.

With remote env runners, RLlib's thread trains on what waits in RLlib's queue; there, rollouts wait as they are. Where
sampling and learning take turns (`rlexp.fast.async_step`), `update_now` trains in the caller's thread.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.core.learner.learner import Learner
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.core.rl_module.apis import SelfSupervisedLossAPI
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import Tensor

from rlexp.fast import train_batch
from rlexp.fast.distributions import ActionDistribution, makers
from rlexp.fast.learner import FastLearner
from rlexp.fast.minibatches import minibatches
from rlexp.fast.rollout import Rollout
from rlexp.fast.step import overrides
from rlexp.fast.train_batch import TrainBatch
from rlexp.fast.trajectories import of_trajectories
from rlexp.fast.vtrace import v_trace

_LOSS_METHODS = (
    "compute_loss_for_module",
    "compute_losses",
    "compute_gradients",
    "_update",
    "_uncompiled_update",
)
_LOSS_COLUMNS = (Columns.ACTIONS, Columns.ACTION_LOGP, Columns.REWARDS, Columns.TERMINATEDS)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rollouts in RLlib's queue to its learner thread, where RLlib has a batch.

    Attributes:
        rollouts: of one update.
    """

    rollouts: list[Rollout]

    def env_steps(self) -> int:
        """As a batch's: what is lost when the circular buffer drops it."""
        return sum(len(rollout) for rollout in self.rollouts)

    def to_device(self, *_: Any, **__: Any) -> Waiting:
        """As a batch's; the tensors are made on the learner's device later."""
        return self


@dataclass(frozen=True, slots=True)
class Scored:
    """A minibatch as the module sees it now, a row for each step, added ones and padding too.

    Attributes:
        policy: action distributions, of the shape that the module gave.
        logp: [M], of the actions taken, by `policy`.
        behaviour_logp: [M], by the policy that acted.
        values: [M].
        mask: [M], 1 where a step was taken, else 0.
        steps: number of these, scalar.
    """

    policy: ActionDistribution
    logp: Tensor
    behaviour_logp: Tensor
    values: Tensor
    mask: Tensor
    steps: Tensor

    def mean(self, column: Tensor) -> Tensor:
        """Over the steps that were taken, of a column of any shape."""
        return torch.sum(column.reshape(-1) * self.mask) / self.steps


class VTraceLearner(FastLearner):
    """A learner of one module with a v-trace loss: `class FastX(VTraceLearner, XTorchLearner)`.

    A subclass that overrides a loss method, a module with a loss of its own, or a compiled update keeps RLlib's
    `_update` for each minibatch.
    """

    stock: ClassVar[type[TorchLearner]]

    def build(self) -> None:
        """As RLlib's; then decides how each minibatch is done, and takes the learner thread over."""
        super().build()
        module = self.module[DEFAULT_MODULE_ID].unwrapped()
        self._module_config = self.config.get_config_for_module(DEFAULT_MODULE_ID)
        self.steps_trained = 0
        self._failure: BaseException | None = None
        self._own_loss = (
            any(overrides(self, self.stock, method) for method in _LOSS_METHODS)
            or isinstance(module, SelfSupervisedLossAPI)
            or self._torch_compile_complete_update
        )
        # The thread is asleep until the first update.
        self._learner_thread._update_method = _update_in_thread

    @abc.abstractmethod
    def loss_of(
        self, minibatch: dict[str, Any], scored: Scored, length: int
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        """The loss and what RLlib logs of it, by RLlib's names.

        Args:
            minibatch: as RLlib's.
            scored: what the module says of it.
            length: steps in each stretch of v-trace.
        """

    def update(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """RLlib's: hands the data to the learner thread and returns what that has told so far.

        Raises:
            RuntimeError: the learner thread has failed.
        """
        result: dict[str, Any] = super(FastLearner, self).update(*args, **kwargs)
        if self._failure is not None:
            raise RuntimeError(f"the learner thread failed: {self._failure}") from self._failure
        return result

    def update_now(self, rollouts: list[Rollout], **kwargs: Any) -> None:
        """One update in this thread, without results: they wait in `self.metrics`.

        Args:
            rollouts: the experience.
            kwargs: `timesteps`, `num_epochs`, `minibatch_size`, `shuffle_batch_per_epoch`.
        """
        FastLearner.update(self, episodes=rollouts, _no_metrics_reduce=True, **kwargs)

    def _make_batch_if_necessary(self, training_data: Any) -> Any:
        episodes = training_data.episodes
        if episodes and all(isinstance(each, Rollout) for each in episodes):
            return Waiting(episodes)
        return super()._make_batch_if_necessary(training_data)

    def update_from_rollouts(
        self,
        rollouts: list[Rollout],
        *,
        num_epochs: int = 1,
        minibatch_size: int | None = None,
        shuffle_batch_per_epoch: bool = False,
        num_total_minibatches: int = 0,
        **_: Any,
    ) -> None:
        """Epochs of minibatches."""
        module = self.module[DEFAULT_MODULE_ID].unwrapped()
        module.train()
        length = module.model_config["max_seq_len"] if module.is_stateful() else None
        observations = train_batch.observations_of(rollouts, self._device)
        batch = of_trajectories(rollouts, observations, self._device, length)
        size = minibatch_size
        if size is not None and length is not None:
            # As many steps as asked for, on average, in whole sequences; added steps count, as for RLlib.
            size = max(1, int(batch.num_items * size / int(batch.per_item[Columns.SEQ_LENS].sum())))
        shuffle, count = shuffle_batch_per_epoch, num_total_minibatches
        chosen = list(minibatches(batch.num_items, size, num_epochs, shuffle, count, self._device))
        step = self._step_of_rllib if self._own_loss else self._step_of_loss
        columns = None if self._own_loss else _LOSS_COLUMNS
        for items in chosen[:-1]:
            step(batch.minibatch(items, columns), False)
        step(batch.minibatch(chosen[-1], columns), True)
        self.gradient_step.log()
        self.count_policy_lag(rollouts)
        self.count([_steps(batch, items) for items in chosen], batch.num_steps)
        self.steps_trained += batch.num_steps * len(chosen)

    def _step_of_rllib(self, minibatch: dict[str, Any], last: bool) -> None:
        _, losses, _ = self._update({DEFAULT_MODULE_ID: minibatch})
        if last:
            self._log({self.TOTAL_LOSS_KEY: losses[DEFAULT_MODULE_ID]})

    def _step_of_loss(self, minibatch: dict[str, Any], last: bool) -> None:
        loss, parts = self.loss(minibatch)
        self.gradient_step.minimise(loss)
        if last:
            self._log(parts)

    def _log(self, parts: dict[str, Tensor | float]) -> None:
        tensors = [
            torch.as_tensor(value, device=self._device).detach().reshape(()) for value in parts.values()
        ]
        numbers = torch.stack(tensors).tolist()
        self.metrics.log_dict(dict(zip(parts, numbers, strict=True)), key=DEFAULT_MODULE_ID, window=1)

    def loss(self, minibatch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor | float]]:
        """RLlib's loss of a minibatch, and its parts by RLlib's names."""
        module = self.module[DEFAULT_MODULE_ID]
        plain = type(module).forward_train is TorchRLModule.forward_train
        # RLlib's sets the training mode at each call.
        out = module._forward_train(minibatch) if plain else module.forward_train(minibatch)
        module = module.unwrapped()
        (make,) = makers(module.get_train_action_dist_cls())
        policy = make(out[Columns.ACTION_DIST_INPUTS])
        mask = minibatch[Columns.LOSS_MASK].reshape(-1).float()
        scored = Scored(
            policy,
            policy.logp(minibatch[Columns.ACTIONS]).reshape(-1),
            minibatch[Columns.ACTION_LOGP].reshape(-1),
            module.compute_values(minibatch, embeddings=out.get(Columns.EMBEDDINGS)).reshape(-1),
            mask,
            mask.sum(),
        )
        recurrent = minibatch[Columns.LOSS_MASK].dim() == 2
        length = (
            minibatch[Columns.LOSS_MASK].shape[1]
            if recurrent
            else self._module_config.get_rollout_fragment_length()
        )
        loss, parts = self.loss_of(minibatch, scored, length)
        return loss, parts | {self.TOTAL_LOSS_KEY: loss}

    def corrected(
        self, minibatch: dict[str, Any], scored: Scored, logp: Tensor, length: int
    ) -> tuple[Tensor, Tensor]:
        """V-trace's value targets and advantages, [M] each, for the policy with log-probabilities `logp` [M]."""
        config = self._module_config
        terminated = minibatch[Columns.TERMINATEDS].reshape(-1)
        return v_trace(
            logp.detach() - scored.behaviour_logp,
            minibatch[Columns.REWARDS].reshape(-1),
            scored.values.detach(),
            config.gamma * ~terminated * scored.mask,
            length,
            config.vtrace_clip_rho_threshold,
            config.vtrace_clip_pg_rho_threshold,
        )

    def entropy_coefficient(self) -> float:
        """The weight of the entropy bonus now."""
        return float(self.entropy_coeff_schedulers_per_module[DEFAULT_MODULE_ID].get_current_value())


def _steps(batch: TrainBatch, items: Tensor | None) -> int:
    """Steps that were taken, among some items of a batch."""
    if items is None or batch.mask is None:
        return batch.num_steps
    return int(batch.mask[items].sum())


def _update_in_thread(self: VTraceLearner, training_data: Any, **kwargs: Any) -> None:
    """What RLlib's learner thread does with one thing from its queue.

    RLlib's caller waits for the thread for ever; so it is woken if this fails.
    """
    waiting = training_data.batch
    try:
        if isinstance(waiting, Waiting):
            FastLearner.update(self, episodes=waiting.rollouts, **kwargs)
        else:
            Learner.update(self, training_data=training_data, **kwargs)
    except BaseException as error:
        self._failure = error
        self._agg_event.set()
        raise
