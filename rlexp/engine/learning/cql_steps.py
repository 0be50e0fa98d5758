"""CQL's gradient steps without autograd, on RLlib's batches of recorded data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.algorithms.cql.torch.default_cql_torch_rl_module import DefaultCQLTorchRLModule
from ray.rllib.algorithms.sac.sac_learner import (
    LOGPS_KEY,
    QF_LOSS_KEY,
    QF_MAX_KEY,
    QF_MEAN_KEY,
    QF_MIN_KEY,
    QF_TWIN_LOSS_KEY,
    TD_ERROR_MEAN_KEY,
)
from ray.rllib.core.columns import Columns
from ray.rllib.core.learner.learner import POLICY_LOSS_KEY
from torch import Tensor

from rlexp.engine.dense.chain import chain_of
from rlexp.engine.dense.flat_parameters import FrozenParameters
from rlexp.engine.gradients.cql import ConservativeLoss
from rlexp.engine.gradients.critics import by_actions, critic_named
from rlexp.engine.gradients.sac import least
from rlexp.engine.gradients.squashed_density import SquashedDensity
from rlexp.engine.gradients.squashed_gaussian import SquashedGaussian
from rlexp.engine.learning.default_module import check_default, check_squashed
from rlexp.engine.learning.gradient_step import GradientStep
from rlexp.engine.learning.recorded_data import array, targets

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Settings:
    """RLlib's.

    Attributes:
        gamma: discount.
        twin: whether there are two critics.
        deterministic_backup: whether the targets leave the entropy out.
        weight: `min_q_weight`.
        temperature: of the logarithm of a sum of exponentials.
        target_entropy: what the entropy is brought to.
    """

    gamma: float
    twin: bool
    deterministic_backup: bool
    weight: float
    temperature: float
    target_entropy: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """What chance decides in one step, drawn by torch in RLlib's order.

    Attributes:
        noise, next_noise: [B, A], from N(0, 1), of the policy's actions now and next.
        uniform: [B n, A], actions.
        repeated, next_repeated: [B n, A], from N(0, 1), of n actions now and next.
    """

    noise: Array
    next_noise: Array
    uniform: Array
    repeated: Array
    next_repeated: Array


class CQLSteps:
    """Steps of the optimisers of policy, critics and temperature: see `RecordedSteps`.

    All gradients are of the weights before the step, as in RLlib.

    Args:
        module: acts as RLlib's default module of CQL.
        step: the learner's.
        log_alpha: [1], the logarithm of the entropy's weight, which an optimiser trains.
        settings: RLlib's.
        clones: asked once a step: whether the policy still clones the recorded actions (`bc_iters`).

    Raises:
        NoFormulaError: its networks or its distribution have no gradient by formula.
    """

    def __init__(
        self,
        module: Any,
        step: GradientStep,
        log_alpha: Tensor,
        settings: Settings,
        clones: Callable[[], bool],
    ) -> None:
        check_default(module, DefaultCQLTorchRLModule)
        check_squashed(module)
        self._step, self._settings, self._clones = step, settings, clones
        self._low, self._high = module.action_space.low, module.action_space.high
        self._count = int(module.model_config["num_actions"])
        names = ("qf", "qf_twin") if settings.twin else ("qf",)
        self._policy = chain_of(module.pi_encoder, module.pi)
        self._critics = [critic_named(module, name) for name in names]
        self._targets = [critic_named(module, f"target_{name}") for name in names]
        trained: tuple[Any, ...] = (self._policy, *self._critics)
        step.flatten([*(each for net in trained for each in net.parameters()), log_alpha])
        for net in trained:
            net.view(step)
        weights, gradients = step.arrays([log_alpha])
        self._log_alpha, self._log_alpha_gradient = weights[0], gradients[0]

    def step(self, batch: dict[str, Any], total_key: str) -> dict[str, float]:
        """See `RecordedSteps`."""
        self._step.gather()
        clones = self._clones()
        observations, following = array(batch[Columns.OBS]), array(batch[Columns.NEXT_OBS])
        actions = array(batch[Columns.ACTIONS])
        log_alpha, alpha = float(self._log_alpha[0]), np.exp(self._log_alpha[0])
        drawn = self._draw(*actions.shape)
        next_outputs = self._policy.forward(following).copy()
        outputs = self._policy.forward(observations)
        bellman = self._target_values(batch, following, next_outputs, drawn, alpha)
        now = SquashedGaussian(outputs, drawn.noise)
        policy_loss, by_outputs = self._policy_loss(observations, actions, outputs, now, alpha, clones)
        losses, sampled = self._critic_losses(
            observations, following, actions, bellman, self._others(outputs, next_outputs, drawn)
        )
        self._policy.backward(by_outputs)
        logp = float(now.logp.mean())
        distance = -logp - self._settings.target_entropy
        self._log_alpha_gradient[0] = distance
        self._step.apply_flat()
        values, sizes = [loss.value() for loss in losses], [loss.sizes() for loss in losses]
        alpha_loss = log_alpha * distance
        return {
            POLICY_LOSS_KEY: policy_loss,
            **dict(zip((QF_LOSS_KEY, QF_TWIN_LOSS_KEY), values, strict=False)),
            "cql_loss": losses[0].conservative(),
            "alpha_loss": alpha_loss,
            "alpha_value": float(alpha),
            "log_alpha_value": log_alpha,
            "target_entropy": self._settings.target_entropy,
            LOGPS_KEY: logp,
            QF_MEAN_KEY: float(sampled.mean()),
            QF_MAX_KEY: float(sampled.max()),
            QF_MIN_KEY: float(sampled.min()),
            TD_ERROR_MEAN_KEY: float(np.mean(sizes)),
            total_key: policy_loss + alpha_loss + sum(values) / len(values),
        }

    def _draw(self, rows: int, width: int) -> Drawn:
        noise, next_noise = (torch.randn(rows, width).numpy() for _ in range(2))
        uniform = self._low + (self._high - self._low) * torch.rand(rows * self._count, width).numpy()
        repeated, next_repeated = (torch.randn(rows * self._count, width).numpy() for _ in range(2))
        return Drawn(noise, next_noise, uniform, repeated, next_repeated)

    def _target_values(
        self, batch: dict[str, Any], following: Array, outputs: Array, drawn: Drawn, alpha: np.float32
    ) -> Array:
        """The targets of the critics, [B]."""
        for net in self._targets:
            net.view(FrozenParameters())
        then = SquashedGaussian(outputs, drawn.next_noise)
        values = least([net.forward(following, then.actions) for net in self._targets])
        if not self._settings.deterministic_backup:
            values = values - alpha * then.logp
        return targets(batch, values, self._settings.gamma)

    def _policy_loss(
        self,
        observations: Array,
        actions: Array,
        outputs: Array,
        now: SquashedGaussian,
        alpha: np.float32,
        clones: bool,
    ) -> tuple[float, Array]:
        """mean (alpha log p(a | s) - Q(s, a)), or - log p of the recorded action in place of Q; by the outputs."""
        share = np.float32(1 / len(outputs))
        entropy_loss = float(alpha) * float(now.logp.mean())
        if clones:
            density = SquashedDensity(outputs)
            logp = density.logp(actions)
            found = now.gradient(np.zeros_like(now.actions), alpha * share)
            found += density.gradient(np.full(len(outputs), -share, np.float32))
            return entropy_loss - float(logp.mean()), found
        each = [critic.forward(observations, now.actions) for critic in self._critics]
        by_action = by_actions(self._critics, each)
        return entropy_loss - float(least(each).mean()), now.gradient(by_action, alpha * share)

    def _others(self, outputs: Array, next_outputs: Array, drawn: Drawn) -> tuple[Array, Array]:
        """Other actions [3 B n, A], drawn at random, by the policy next and now, and their log-densities [3 B n]."""
        next_ones = SquashedGaussian(np.repeat(next_outputs, self._count, axis=0), drawn.next_repeated)
        ones = SquashedGaussian(np.repeat(outputs, self._count, axis=0), drawn.repeated)
        # RLlib's density of actions at random, whatever the space's bounds.
        density = np.full(len(drawn.uniform), outputs.shape[1] // 2 * math.log(0.5), np.float32)
        return (
            np.concatenate([drawn.uniform, next_ones.actions, ones.actions]),
            np.concatenate([density, next_ones.logp, ones.logp]),
        )

    def _critic_losses(
        self,
        observations: Array,
        following: Array,
        actions: Array,
        targets: Array,
        others: tuple[Array, Array],
    ) -> tuple[list[ConservativeLoss], Array]:
        """Writes the critics' gradients; their losses, and the first one's values of the policy's actions now."""
        rows, count, settings = len(actions), self._count, self._settings
        repeated = np.repeat(observations, count, axis=0)
        every = np.concatenate([observations, repeated, np.repeat(following, count, axis=0), repeated])
        acted, losses = np.concatenate([actions, others[0]]), []
        sampled: list[Array] = []
        for critic in self._critics:
            values = critic.forward(every, acted)
            sampled.append(values[-rows * count :].copy())
            corrected = _side_by_side(values[rows:] - others[1], rows)
            loss = ConservativeLoss(values[:rows], targets, corrected, settings.weight, settings.temperature)
            by_recorded, by_others = loss.gradient()
            critic.backward(np.concatenate([by_recorded, _one_after_another(by_others, count)]))
            losses.append(loss)
        return losses, sampled[0]


def _side_by_side(values: Array, rows: int) -> Array:
    """[3 B n], by source, row and draw, to [B, 3 n]."""
    return values.reshape(3, rows, -1).transpose(1, 0, 2).reshape(rows, -1)


def _one_after_another(values: Array, count: int) -> Array:
    """[B, 3 n] to [3 B n]."""
    return values.reshape(len(values), 3, count).transpose(1, 0, 2).reshape(-1)
