"""SAC's gradient steps without autograd, on ready batches."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.algorithms.sac.sac_learner import (
    LOGPS_KEY,
    QF_LOSS_KEY,
    QF_MAX_KEY,
    QF_MEAN_KEY,
    QF_MIN_KEY,
    QF_TWIN_LOSS_KEY,
    TD_ERROR_MEAN_KEY,
)
from ray.rllib.core.learner.learner import POLICY_LOSS_KEY
from torch import Tensor

from rlexp.engine.dense.chain import Chain, chain_of
from rlexp.engine.dense.flat_parameters import FrozenParameters
from rlexp.engine.gradients.critics import QNetwork, by_actions, critic_named
from rlexp.engine.gradients.sac import DiscretePolicy, least
from rlexp.engine.gradients.squashed_gaussian import SquashedGaussian
from rlexp.engine.gradients.td_loss import TDLoss
from rlexp.engine.learning.gradient_step import GradientStep
from rlexp.engine.learning.off_policy import targets
from rlexp.engine.replay.replay_batch import ReplayBatch

Array = NDArray[np.float32]


class SACSteps(abc.ABC):
    """Steps of the optimisers of policy, critics and temperature.

    All gradients are of the weights before the step, as by one backward pass through the sum of the losses.

    Args:
        module: acts as RLlib's default module of SAC.
        twin: whether it has two critics.
        step: the learner's.
        log_alpha: [1], the logarithm of the entropy's weight, which an optimiser trains.
        target_entropy: what the entropy is brought to.
        gamma: discount.
        total_key: the name of the loss among `parts`.

    Raises:
        NoFormulaError: its networks have no gradient by formula.
    """

    def __init__(
        self,
        module: Any,
        twin: bool,
        step: GradientStep,
        log_alpha: Tensor,
        target_entropy: float,
        gamma: float,
        total_key: str,
    ) -> None:
        self._step, self._gamma, self._total_key = step, gamma, total_key
        self._target_entropy = target_entropy
        self._policy = chain_of(module.pi_encoder, module.pi)
        self._num_actions = math.prod(module.action_space.shape)
        names = ("qf", "qf_twin") if twin else ("qf",)
        self._critics = [self._critic(module, name) for name in names]
        self._targets = [self._critic(module, f"target_{name}") for name in names]
        trained: Sequence[Any] = (self._policy, *self._critics)
        step.flatten([*(each for net in trained for each in net.parameters()), log_alpha])
        for net in trained:
            net.view(step)
        weights, gradients = step.arrays([log_alpha])
        self._log_alpha, self._log_alpha_gradient = weights[0], gradients[0]
        self._critic_losses: list[TDLoss] = []
        self._values = np.zeros(0, np.float32)

    @abc.abstractmethod
    def _critic(self, module: Any, name: str) -> Any:
        """One of the module's critics as a network."""

    @abc.abstractmethod
    def _losses(self, batch: ReplayBatch, alpha: np.float32) -> tuple[float, float]:
        """Writes the gradients of policy and critics; returns the policy's loss and its mean entropy."""

    @abc.abstractmethod
    def _logp(self) -> float:
        """The mean log-probability, as RLlib logs it."""

    def begin(self) -> None:
        """See `ReplaySteps`."""
        self._step.gather()
        for net in self._targets:
            net.view(FrozenParameters())

    def step(self, batch: ReplayBatch) -> Array:
        """See `ReplaySteps`."""
        self._last_log_alpha = float(self._log_alpha[0])
        self._alpha = np.exp(self._log_alpha[0])
        self._policy_loss, entropy = self._losses(batch, self._alpha)
        distance = entropy - self._target_entropy
        self._alpha_loss = self._last_log_alpha * distance
        self._log_alpha_gradient[0] = distance
        self._step.apply_flat()
        sizes = [loss.sizes for loss in self._critic_losses]
        errors = sizes[0] if len(sizes) == 1 else (sizes[0] + sizes[1]) * np.float32(0.5)
        self._errors = errors
        return errors

    def parts(self) -> dict[str, float]:
        """See `ReplaySteps`."""
        losses = [loss.value() for loss in self._critic_losses]
        values = self._values
        return {
            self._total_key: self._policy_loss + self._alpha_loss + sum(losses),
            POLICY_LOSS_KEY: self._policy_loss,
            "alpha_loss": self._alpha_loss,
            **dict(zip((QF_LOSS_KEY, QF_TWIN_LOSS_KEY), losses, strict=False)),
            "alpha_value": float(self._alpha),
            "log_alpha_value": self._last_log_alpha,
            "target_entropy": self._target_entropy,
            LOGPS_KEY: self._logp(),
            QF_MEAN_KEY: float(values.mean()),
            QF_MAX_KEY: float(values.max()),
            QF_MIN_KEY: float(values.min()),
            TD_ERROR_MEAN_KEY: float(self._errors.mean()),
        }


class ContinuousSACSteps(SACSteps):
    """With a squashed Gaussian."""

    def _critic(self, module: Any, name: str) -> QNetwork:
        return critic_named(module, name)

    def _losses(self, batch: ReplayBatch, alpha: np.float32) -> tuple[float, float]:
        obs, new_obs, replayed = (
            np.asarray(each, np.float32) for each in (batch.obs, batch.new_obs, batch.actions)
        )
        # In RLlib's order, and by its generator: a seed gives the draws of a run by autograd.
        noise, next_noise = (torch.randn(len(batch), self._num_actions).numpy() for _ in range(2))
        following = SquashedGaussian(self._policy.forward(new_obs), next_noise)
        values = least([critic.forward(new_obs, following.actions) for critic in self._targets])
        bellman = targets(batch, values - alpha * following.logp, self._gamma)
        weights = batch.weights if batch.prioritized else None
        self._critic_losses = []
        for critic in self._critics:
            loss = TDLoss(critic.forward(obs, replayed), bellman, weights)
            critic.backward(loss.gradient())
            self._critic_losses.append(loss)
        return self._policy_step(obs, noise, alpha)

    def _policy_step(self, obs: Array, noise: Array, alpha: np.float32) -> tuple[float, float]:
        now = SquashedGaussian(self._policy.forward(obs), noise)
        each = [critic.forward(obs, now.actions, again=True) for critic in self._critics]
        self._policy.backward(now.gradient(by_actions(self._critics, each), alpha / np.float32(len(obs))))
        self._values, self._mean_logp = least(each), float(now.logp.mean())
        return float(alpha) * self._mean_logp - float(self._values.mean()), -self._mean_logp

    def _logp(self) -> float:
        return self._mean_logp


class DiscreteSACSteps(SACSteps):
    """With probabilities of each action (Christodoulou 2019)."""

    def _critic(self, module: Any, name: str) -> Chain:
        return chain_of(getattr(module, f"{name}_encoder"), getattr(module, name))

    def _losses(self, batch: ReplayBatch, alpha: np.float32) -> tuple[float, float]:
        obs, new_obs = (np.asarray(each, np.float32) for each in (batch.obs, batch.new_obs))
        following = DiscretePolicy(self._policy.forward(new_obs))
        values = least([critic.forward(new_obs) for critic in self._targets])
        bellman = targets(batch, -following.mean_of(following.costs(values, alpha)), self._gamma)
        every = [critic.forward(obs) for critic in self._critics]
        rows, weights = np.arange(len(obs)), batch.weights if batch.prioritized else None
        self._critic_losses = [TDLoss(each[rows, batch.actions], bellman, weights) for each in every]
        for critic, each, loss in zip(self._critics, every, self._critic_losses, strict=True):
            by_values = np.zeros_like(each)
            by_values[rows, batch.actions] = loss.gradient()
            critic.backward(by_values)
        now = DiscretePolicy(self._policy.forward(obs))
        costs = now.costs(least(every), alpha)
        self._policy.backward(now.gradient(costs))
        self._values, self._logps = every[0], now.logps
        return float(now.mean_of(costs).mean()), -float(now.mean_of(now.logps).mean())

    def _logp(self) -> float:
        return float(self._logps.mean())
