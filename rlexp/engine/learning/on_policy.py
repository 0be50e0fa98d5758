"""What the on-policy learners share: epochs of minibatches over a batch made of rollouts."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Protocol

import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.core.rl_module.torch import TorchRLModule
from torch import Tensor

from rlexp.compat.torch import is_watched
from rlexp.engine.learning.learner import FastLearner
from rlexp.engine.learning.train_batch import TrainBatch
from rlexp.engine.rollout import Rollout
from rlexp.environment.hangs import interrupt_sampling


class EpochSteps(Protocol):
    """Gradient steps of one module on the items of a batch, without autograd."""

    def begin(self, batch: TrainBatch) -> None:
        """Takes the batch that the next steps are made on."""

    def step(self, items: Tensor | None, total_key: str | None) -> dict[str, float] | None:
        """One gradient step on some items, all of them for None.

        Args:
            items: [M], int64.
            total_key: the name of the loss among its parts, if they are wanted.

        Returns:
            The loss before the step and its parts by RLlib's names; None if they are not wanted.
        """


class EpochLearner(FastLearner):
    """A learner that passes over each batch some times: `class FastX(EpochLearner, XTorchLearner)`.

    A subclass that overrides a loss method, a module with a loss of its own, or a compiled update keeps RLlib's
    `_update` for each minibatch; the rest is as fast.
    """

    stock: ClassVar[type[TorchLearner]]
    loss_columns: ClassVar[tuple[str, ...]]
    """What `loss` reads of a minibatch besides observations, states and mask."""

    def build(self) -> None:
        """As RLlib's; then decides how each minibatch is done."""
        super().build()
        self._module_config = self.config.get_config_for_module(DEFAULT_MODULE_ID)
        self._own_loss = self.keeps_rllibs_loss(self.stock)
        self._by_formula: EpochSteps | None = self.formula(not self._own_loss)

    @abc.abstractmethod
    def train_batch(self, rollouts: list[Rollout]) -> TrainBatch | None:
        """What the minibatches are taken from; None where there is nothing to learn from."""

    @abc.abstractmethod
    def items_of(self, batch: TrainBatch, size: int) -> int:
        """How many items of a batch make a minibatch of `size` steps on average."""

    @abc.abstractmethod
    def loss(self, minibatch: dict[str, Any], detail: bool = True) -> tuple[Tensor, dict[str, Any]]:
        """RLlib's loss of a minibatch and its parts by RLlib's names; all that RLlib logs, with `detail`."""

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
        """Epochs of minibatches; metrics are those of the last one, since RLlib keeps no other.

        An interrupt ends them with the minibatch after the one that is being made, which brings the metrics.
        """
        self.module[DEFAULT_MODULE_ID].unwrapped().train()
        batch = self.train_batch(rollouts)
        if batch is None:
            return
        size = None if minibatch_size is None else self.items_of(batch, minibatch_size)
        shuffle, count = shuffle_batch_per_epoch, num_total_minibatches
        chosen = minibatches(batch.num_items, size, num_epochs, shuffle, count, self._device)
        step = self._stepper(batch)
        steps = []
        for items, last in _up_to(chosen, interrupt_sampling.requested):
            step(items, last)
            steps.append(batch.steps_in(items))
        self.gradient_step.log()
        self.count_policy_lag(rollouts)
        self.count(steps, batch.num_steps)

    def _stepper(self, batch: TrainBatch) -> Callable[[Tensor | None, bool], None]:
        """What makes a gradient step on some items of the batch, and logs it if it is the last."""
        if self._by_formula is not None and not self._needs_autograd():
            self._by_formula.begin(batch)
            return self._step_by_formula
        step = self._step_of_rllib if self._own_loss else self._step_of_loss
        columns = None if self._own_loss else self.loss_columns
        return lambda items, last: step(batch.minibatch(items, columns), last)

    def _needs_autograd(self) -> bool:
        """True if something was put into the learner or its module since they were built."""
        return self.has_newer_loss() or is_watched(self.module[DEFAULT_MODULE_ID].unwrapped())

    def _step_by_formula(self, items: Tensor | None, last: bool) -> None:
        assert self._by_formula is not None
        parts = self._by_formula.step(items, self.TOTAL_LOSS_KEY if last else None)
        if parts is not None:
            self.metrics.log_dict(parts, key=DEFAULT_MODULE_ID, window=1)

    def _step_of_rllib(self, minibatch: dict[str, Any], last: bool) -> None:
        _, losses, _ = self._update({DEFAULT_MODULE_ID: minibatch})
        if last:
            self._log({self.TOTAL_LOSS_KEY: losses[DEFAULT_MODULE_ID]})

    def _step_of_loss(self, minibatch: dict[str, Any], last: bool) -> None:
        loss, parts = self.loss(minibatch, detail=last)
        self.gradient_step.minimise(loss)
        if last:
            self._log(parts)

    def _log(self, parts: dict[str, Any]) -> None:
        tensors = [torch.as_tensor(each, device=self._device).detach().reshape(()) for each in parts.values()]
        numbers = torch.stack(tensors).tolist()
        self.metrics.log_dict(dict(zip(parts, numbers, strict=True)), key=DEFAULT_MODULE_ID, window=1)

    def _forward(self, minibatch: dict[str, Any]) -> dict[str, Any]:
        module = self.module[DEFAULT_MODULE_ID]
        # RLlib's own sets the training mode at each call.
        plain = type(module).forward_train is TorchRLModule.forward_train
        out: dict[str, Any] = module._forward_train(minibatch) if plain else module.forward_train(minibatch)
        return out

    def entropy_coefficient(self) -> Any:
        """The weight of the entropy bonus now."""
        return self.entropy_coeff_schedulers_per_module[DEFAULT_MODULE_ID].get_current_value()


def _up_to(
    chosen: Iterator[Tensor | None], ended: Callable[[], bool]
) -> Iterator[tuple[Tensor | None, bool]]:
    """Each with whether it is the last, as the first is that comes after `ended()`."""
    ahead = next(chosen)
    for following in chosen:
        if ended():
            break
        yield ahead, False
        ahead = following
    yield ahead, True


def minibatches(
    num_items: int,
    size: int | None,
    num_epochs: int = 1,
    shuffle: bool = False,
    num_minibatches: int = 0,
    device: torch.device | str = "cpu",
) -> Iterator[Tensor | None]:
    """Items of each minibatch, as many and as large as RLlib's `MiniBatchCyclicIterator` would give.

    The passes run on from one minibatch into the next, so the last minibatch goes on into one pass more. RLlib
    shuffles after each pass: the first goes in order, and so does the only one.

    Args:
        num_items: steps or sequences in the batch.
        size: items in a minibatch; the entire batch for None.
        num_epochs: passes that must be complete.
        shuffle: whether to shuffle after each pass.
        num_minibatches: how many minibatches to give, whatever the passes; 0 for as many as the passes take.
        device: where the indices go.

    Yields:
        [size], int64; None for the entire batch in order.
    """
    if size is None or (size == num_items and not shuffle):
        for _ in range(num_minibatches or num_epochs):
            yield None
        return
    count = num_minibatches or math.ceil(num_epochs * num_items / size)
    shuffle = shuffle and num_epochs > 1
    rest, waiting = [torch.arange(num_items)], num_items
    for _ in range(count):
        while waiting < size:
            rest.append(torch.randperm(num_items) if shuffle else torch.arange(num_items))
            waiting += num_items
        stream = rest[0] if len(rest) == 1 else torch.cat(rest)
        yield stream[:size].to(device)
        rest, waiting = [stream[size:]], waiting - size
