"""What the off-policy learners share: updates from ready batches, target networks, metrics only when they are read."""

from __future__ import annotations

import abc
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
import tree
from numpy.typing import NDArray
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.learner.torch.torch_learner import TorchLearner
from ray.rllib.utils.metrics import (
    LAST_TARGET_UPDATE_TS,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    NUM_TARGET_UPDATES,
    TD_ERROR_KEY,
)
from torch import Tensor

from rlexp.compat.torch import is_watched
from rlexp.engine.learning.gradient_step import overrides
from rlexp.engine.learning.learner import FastLearner
from rlexp.engine.replay.replay_batch import ReplayBatch
from rlexp.engine.rollout import Rollout

_AFTER = "after_gradient_based_update"


class ReplaySteps(Protocol):
    """Gradient steps of one module on ready batches, without autograd."""

    def begin(self) -> None:
        """Before the first of some steps: the weights may lie elsewhere in memory now."""

    def step(self, batch: ReplayBatch) -> NDArray[np.float32]:
        """One gradient step by every optimiser; returns the absolute TD errors before it, [B]."""

    def parts(self) -> dict[str, float]:
        """The last step's losses and what else RLlib logs, by its names."""


class ReplayLearner(FastLearner):
    """An off-policy learner of one module: `class FastX(ReplayLearner, XTorchLearner)`.

    A module or a setting that its lean loss does not know, and a subclass that overrides a loss method, keep RLlib's
    loss function on the ready batch.
    """

    stock: ClassVar[type[TorchLearner]]

    def build(self) -> None:
        """As RLlib's; then decides how an update is done."""
        super().build()
        module = self.module[DEFAULT_MODULE_ID].unwrapped()
        self._module_config = self.config.get_config_for_module(DEFAULT_MODULE_ID)
        self._updates, self._batch_size, self._target_updates = 0, 0, 0
        self._last: dict[str, Tensor] = {}
        self._lean = (
            not self.keeps_rllibs_loss(self.stock) and not module.is_stateful() and self.prepare(module)
        )
        self._by_formula: ReplaySteps | None = self.formula(self._lean)
        # Steps by formula put the parameters elsewhere in memory.
        self._targets = TargetNetworks(module)
        self._watched = False
        scheduled = self.config._torch_lr_scheduler_classes is not None
        self._own_after = scheduled or overrides(self, self.stock, _AFTER)

    @abc.abstractmethod
    def prepare(self, module: Any) -> bool:
        """Takes the sub-networks out of `module`; false if the lean loss does not fit it."""

    @abc.abstractmethod
    def minimise(self, batch: ReplayBatch) -> Tensor:
        """One gradient step by the lean loss; keeps what `log_last` needs.

        Returns:
            Absolute TD errors, [B].
        """

    @abc.abstractmethod
    def log_last(self) -> None:
        """Logs the last update's losses under RLlib's names."""

    def update(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """RLlib's update; of a ready batch where `episodes` is one (`episodes=[batch]`)."""
        batch = _batch(kwargs.get("training_data"), kwargs.get("episodes"))
        if batch is None:
            return super().update(*args, **kwargs)
        errors = self.update_from_replay(batch, kwargs.get("timesteps") or {})
        self.log_updates()
        self.metrics.log_value((DEFAULT_MODULE_ID, TD_ERROR_KEY), errors, reduce="item_series")
        return None if kwargs.get("_no_metrics_reduce") else self.metrics.reduce()

    def update_from_rollouts(self, rollouts: list[Rollout], **kwargs: Any) -> None:
        """Rollouts reach an off-policy learner through a replay."""
        raise TypeError(f"{type(self).__name__} takes batches from a replay, not rollouts")

    def update_from_replay(self, batch: ReplayBatch, timesteps: dict[str, Any]) -> Tensor:
        """One update, with the hooks around it; nothing is logged before `log_updates`.

        Returns:
            Absolute TD errors, [B].
        """
        self.before_gradient_based_update(timesteps=timesteps)
        self._weights_seq_no += 1
        errors = self._minimise(batch)
        self._updates, self._batch_size = self._updates + 1, len(batch)
        if self._own_after:
            self.after_gradient_based_update(timesteps=timesteps)
        else:
            self._after(timesteps.get(NUM_ENV_STEPS_SAMPLED_LIFETIME, 0))
        self._kernels.settle()
        return errors

    def _minimise(self, batch: ReplayBatch) -> Tensor:
        if not self._updates:
            self._watched = is_watched(self.module[DEFAULT_MODULE_ID].unwrapped())
            if self._by_formula is not None:
                self._by_formula.begin()
        if self._by_formula is not None and not self._watched:
            return torch.from_numpy(self._by_formula.step(batch))
        return self.minimise(batch) if self._lean else self._minimise_as_stock(batch)

    def log_updates(self) -> None:
        """Logs what the updates since the last call came to, as RLlib would have (it keeps the last one's losses)."""
        if not self._updates:
            return
        self.count([self._batch_size] * self._updates, self._batch_size)
        if self._lean:
            if self._by_formula is not None and not self._watched:
                self.log_losses(self._by_formula.parts())
            else:
                self.log_last()
            self.gradient_step.log()
        if not self._own_after:
            for name, optimizer in self.get_optimizers_for_module(DEFAULT_MODULE_ID):
                rate = self._get_optimizer_lr(optimizer)
                self.metrics.log_value((DEFAULT_MODULE_ID, f"{name}_learning_rate"), rate, reduce="mean")
        if self._target_updates:
            last = self.last_update_ts_by_mid[DEFAULT_MODULE_ID]
            key = (DEFAULT_MODULE_ID, NUM_TARGET_UPDATES)
            self.metrics.log_value(key, self._target_updates, reduce="lifetime_sum")
            self.metrics.log_value((DEFAULT_MODULE_ID, LAST_TARGET_UPDATE_TS), last, reduce="max")
        self._updates = self._target_updates = 0

    def log_losses(self, losses: dict[str, Any]) -> None:
        """Single values, without a history."""
        self.metrics.log_dict(losses, key=DEFAULT_MODULE_ID, window=1)

    def _after(self, env_steps: int) -> None:
        """Learning rates on schedules, and the target networks; RLlib's rules."""
        for optimizer, schedule in self._optimizer_lr_schedules.items():
            if schedule.use_schedule:
                self._set_optimizer_lr(optimizer, lr=schedule.update(timestep=env_steps))
        config = self._module_config
        if env_steps - self.last_update_ts_by_mid[DEFAULT_MODULE_ID] >= config.target_network_update_freq:
            self._targets.update(config.tau)
            self._target_updates += 1
            self.last_update_ts_by_mid[DEFAULT_MODULE_ID] = env_steps

    def _minimise_as_stock(self, batch: ReplayBatch) -> Tensor:
        columns = tree.map_structure(self.tensor, batch.columns())
        _, losses, _ = self._update({DEFAULT_MODULE_ID: columns})
        self.log_losses({self.TOTAL_LOSS_KEY: losses[DEFAULT_MODULE_ID]})
        # The loss logs its TD errors in order to hand them over; as a metric they would only pile up.
        errors = self.metrics.stats[DEFAULT_MODULE_ID].pop(TD_ERROR_KEY, None)
        found = errors.peek(compile=False) if errors is not None else np.zeros(len(batch))
        return torch.cat([torch.as_tensor(each).reshape(-1) for each in found])

    def tensor(self, array: NDArray[Any]) -> Tensor:
        """On the learner's device; float64 becomes float32, as in RLlib."""
        tensor = torch.from_numpy(array)
        if tensor.dtype == torch.float64:
            tensor = tensor.float()
        return tensor.to(self._device) if self._device is not None else tensor


def discounts(batch: ReplayBatch, gamma: float) -> NDArray[np.float32]:
    """[B]: what the value of `new_obs` counts, 0 where no state follows."""
    found: NDArray[np.float32] = (gamma**batch.n_step * ~batch.terminateds).astype(np.float32)
    return found


def targets(batch: ReplayBatch, following: NDArray[np.float32], gamma: float) -> NDArray[np.float32]:
    """[B]: the n-step return, and the discounted value of what follows, which is overwritten."""
    following *= discounts(batch, gamma)
    following += batch.rewards
    return following


def _batch(training_data: Any, episodes: Any) -> ReplayBatch | None:
    if training_data is not None:
        episodes = training_data.episodes
    if isinstance(episodes, list) and len(episodes) == 1 and isinstance(episodes[0], ReplayBatch):
        return episodes[0]
    return None


class TargetNetworks:
    """The (main, target) pairs of one RLModule, as lists of tensors."""

    def __init__(self, module: Any) -> None:
        self._mains: list[Tensor] = []
        self._targets: list[Tensor] = []
        for main, target in module.get_target_network_pairs():
            of_target = target.state_dict()
            for name, tensor in main.state_dict().items():
                self._mains.append(tensor)
                self._targets.append(of_target[name])

    @torch.no_grad()
    def update(self, tau: float) -> None:
        """target = tau * main + (1 - tau) * target; buffers included, as in RLlib."""
        if tau == 1.0:
            torch._foreach_copy_(self._targets, self._mains)
        else:
            torch._foreach_lerp_(self._targets, self._mains, tau)
