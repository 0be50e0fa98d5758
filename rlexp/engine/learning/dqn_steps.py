"""DQN's gradient steps without autograd, on ready batches.

With the online network Q and the target network Q', the target of an n-step return r (Mnih et al. 2015; double:
van Hasselt et al. 2016) is y = r + d Q'(s', a'), where a' is the best action by Q' or, double, by Q, and d the
discount, 0 where no state follows. No derivative goes through y.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray.rllib.algorithms.dqn.dqn_learner import (
    QF_LOSS_KEY,
    QF_MAX_KEY,
    QF_MEAN_KEY,
    QF_MIN_KEY,
    TD_ERROR_MEAN_KEY,
)

from rlexp.engine.dense.flat_parameters import FrozenParameters
from rlexp.engine.gradients.action_values import ActionValues
from rlexp.engine.gradients.td_loss import TDLoss
from rlexp.engine.learning.gradient_step import GradientStep
from rlexp.engine.learning.off_policy import targets
from rlexp.engine.replay.replay_batch import ReplayBatch

Array = NDArray[np.float32]


class DQNSteps:
    """Steps of one module's optimiser.

    Args:
        module: acts as RLlib's default module of DQN, not distributional.
        step: the learner's.
        config: RLlib's.
        total_key: the name of the loss among `parts`.

    Raises:
        NoFormulaError: its networks have no gradient by formula.
    """

    def __init__(self, module: Any, step: GradientStep, config: Any, total_key: str) -> None:
        dueling = bool(module.uses_dueling)
        self._online = ActionValues(module.encoder, module.af, module.vf if dueling else None)
        self._target = ActionValues(
            module._target_encoder, module._target_af, module._target_vf if dueling else None
        )
        self._step, self._config, self._total_key = step, config, total_key
        self._huber = config.td_error_loss_fn == "huber"
        step.flatten(self._online.parameters())
        self._online.view(step)

    def begin(self) -> None:
        """See `ReplaySteps`."""
        self._step.gather()
        self._target.view(FrozenParameters())

    def step(self, batch: ReplayBatch) -> Array:
        """See `ReplaySteps`."""
        bellman = self._targets(batch)
        values = self._online.forward(np.asarray(batch.obs, np.float32))
        rows, actions = np.arange(len(batch)), batch.actions
        self._selected = values[rows, actions]
        loss = TDLoss(
            self._selected, bellman, batch.weights if batch.prioritized else None, huber=self._huber
        )
        by_values = np.zeros(values.shape, np.float32)
        by_values[rows, actions] = loss.gradient()
        self._online.backward(by_values)
        self._step.apply_flat()
        self._loss = loss
        return loss.sizes

    def _targets(self, batch: ReplayBatch) -> Array:
        new_obs = np.asarray(batch.new_obs, np.float32)
        values = self._target.forward(new_obs)
        if self._config.double_q:
            best = self._online.forward(new_obs).argmax(axis=1)
            following = values[np.arange(len(batch)), best]
        else:
            following = values.max(axis=1)
        return targets(batch, following, self._config.gamma)

    def parts(self) -> dict[str, float]:
        """See `ReplaySteps`."""
        value, selected = self._loss.value(), self._selected
        return {
            self._total_key: value,
            QF_LOSS_KEY: value,
            QF_MEAN_KEY: float(selected.mean()),
            QF_MAX_KEY: float(selected.max()),
            QF_MIN_KEY: float(selected.min()),
            TD_ERROR_MEAN_KEY: float(self._loss.sizes.mean()),
        }
