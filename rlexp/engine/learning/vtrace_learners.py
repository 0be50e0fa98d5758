"""What IMPALA's and APPO's learners share on rollouts: batches for v-trace, epochs, and RLlib's learner thread.

With remote env runners, RLlib's thread trains on what waits in RLlib's queue; there, rollouts wait as they are. Where
sampling and learning take turns (`rlexp.engine.algorithms.async_step`), `update_now` trains in the caller's thread.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any

import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.core.learner.learner import Learner
from torch import Tensor

from rlexp.engine.learning import train_batch
from rlexp.engine.learning.distributions import ActionDistribution, makers
from rlexp.engine.learning.learner import FastLearner
from rlexp.engine.learning.on_policy import EpochLearner
from rlexp.engine.learning.train_batch import TrainBatch
from rlexp.engine.learning.vtrace import Correction, of_trajectories, v_trace
from rlexp.engine.rollout import Rollout

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


class VTraceLearner(EpochLearner):
    """A learner of one module with a v-trace loss: `class FastX(VTraceLearner, XTorchLearner)`."""

    loss_columns = _LOSS_COLUMNS

    def build(self) -> None:
        """As RLlib's; then takes the learner thread over."""
        super().build()
        self._failure: BaseException | None = None
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
        """RLlib's: hands the data to the learner thread and returns what that has reported so far.

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

    def train_batch(self, rollouts: list[Rollout]) -> TrainBatch:
        """Steps, or sequences of them for a recurrent module, with one added after each episode's part."""
        module = self.module[DEFAULT_MODULE_ID].unwrapped()
        length = module.model_config["max_seq_len"] if module.is_stateful() else None
        observations = train_batch.observations_of(rollouts, self._device)
        return of_trajectories(rollouts, observations, self._device, length)

    def items_of(self, batch: TrainBatch, size: int) -> int:
        """See `EpochLearner`."""
        if Columns.SEQ_LENS not in batch.per_item:
            return size
        # As many steps as asked for, on average, in complete sequences; added steps count, as for RLlib.
        return max(1, int(batch.num_items * size / int(batch.per_item[Columns.SEQ_LENS].sum())))

    def loss(
        self, minibatch: dict[str, Any], detail: bool = True
    ) -> tuple[Tensor, dict[str, Tensor | float]]:
        """See `EpochLearner`; all parts are there in any case."""
        out = self._forward(minibatch)
        module = self.module[DEFAULT_MODULE_ID].unwrapped()
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
        length = minibatch[Columns.LOSS_MASK].shape[1] if recurrent else self.correction().length
        loss, parts = self.loss_of(minibatch, scored, length)
        return loss, parts | {self.TOTAL_LOSS_KEY: loss}

    def corrected(
        self, minibatch: dict[str, Any], scored: Scored, logp: Tensor, length: int
    ) -> tuple[Tensor, Tensor]:
        """V-trace's value targets and advantages, [M] each, for the policy with log-probabilities `logp` [M]."""
        correction = self.correction()
        terminated = minibatch[Columns.TERMINATEDS].reshape(-1)
        return v_trace(
            logp.detach() - scored.behaviour_logp,
            minibatch[Columns.REWARDS].reshape(-1),
            scored.values.detach(),
            correction.gamma * ~terminated * scored.mask,
            length,
            correction.clip_rho,
            correction.clip_pg_rho,
        )

    def correction(self) -> Correction:
        """V-trace's settings for steps; sequences have a length of their own."""
        config = self._module_config
        return Correction(
            config.gamma,
            config.get_rollout_fragment_length(),
            config.vtrace_clip_rho_threshold,
            config.vtrace_clip_pg_rho_threshold,
        )


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
