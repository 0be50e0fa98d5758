"""PPO's gradient steps without autograd, on the arrays of a training batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ray.rllib.algorithms.ppo.torch.default_ppo_torch_rl_module import DefaultPPOTorchRLModule
from ray.rllib.core.columns import Columns
from ray.rllib.evaluation.postprocessing import Postprocessing
from torch import Tensor

from rlexp.engine.gradients.actor_critic import ActorCritic
from rlexp.engine.gradients.distributions import ActionDistribution, Array
from rlexp.engine.gradients.ppo import PPOLoss, Rows, Weights
from rlexp.engine.learning.default_module import check_default, maker_of, without_formula
from rlexp.engine.learning.gradient_step import GradientStep
from rlexp.engine.learning.train_batch import TrainBatch

COLUMNS = {
    "actions": Columns.ACTIONS,
    "logp": Columns.ACTION_LOGP,
    "advantages": Postprocessing.ADVANTAGES,
    "targets": Postprocessing.VALUE_TARGETS,
}
"""What the loss reads of a batch, by its name in `Rows`."""


class PPOSteps:
    """Steps of one module's optimiser.

    Args:
        module: acts as RLlib's default module of PPO.
        step: the learner's.
        weights: gives what the terms of the loss count now.

    Raises:
        NoFormulaError: its networks or its distribution have no gradient by formula.
    """

    networks: ClassVar[type[Any]] = ActorCritic
    """What the module is taken for."""

    def __init__(self, module: Any, step: GradientStep, weights: Callable[[], Weights]) -> None:
        self._make = distribution_of(module)
        self._networks: Any = self.networks(module)
        self._step, self._weights_now = step, weights
        step.flatten(self._networks.parameters())
        self._networks.view(step)

    def begin(self, batch: TrainBatch) -> None:
        """See `EpochSteps`."""
        self._weights = self._weights_now()
        self._step.gather()
        self._observations, self._rows = batch.observations.numpy(), batch.rows.numpy()
        outputs = batch.columns[Columns.ACTION_DIST_INPUTS].numpy()
        self._then = None if self._weights.kl is None else self._make(outputs)
        self._columns = {name: batch.columns[column].numpy() for name, column in COLUMNS.items()}

    def step(self, items: Tensor | None, total_key: str | None) -> dict[str, float] | None:
        """See `EpochSteps`."""
        rows, columns, then = self._rows, self._columns, self._then
        if items is not None:
            chosen = items.numpy()
            rows = rows.take(chosen)
            then = None if then is None else then.rows(chosen)
            columns = {name: column.take(chosen, axis=0) for name, column in columns.items()}
        observations = self._observations.take(rows, axis=0)
        outputs, values = self._networks.forward(observations)
        loss = PPOLoss(self._make, outputs, values, Rows(**columns, then=then), self._weights)
        parts = None if total_key is None else loss.parts(total_key)
        self._networks.backward(*loss.gradient())
        self._step.apply_flat()
        return parts


def distribution_of(module: Any) -> Callable[[Array], ActionDistribution]:
    """What makes the distributions of a module that acts as RLlib's default one of PPO.

    Raises:
        NoFormulaError: it does not, or its distribution has no gradient by formula.
    """
    check_default(module, DefaultPPOTorchRLModule)
    learns, acts = module.get_train_action_dist_cls(), module.get_exploration_action_dist_cls()
    if learns is not acts:
        raise without_formula(learns)
    return maker_of(module)
