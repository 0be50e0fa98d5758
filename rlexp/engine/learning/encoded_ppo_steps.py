"""PPO's gradient steps where only the encoder needs autograd: heads, distributions and the loss go by formula."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from ray.rllib.core.columns import Columns
from torch import Tensor

from rlexp.engine.gradients.encoded_actor_critic import EncodedActorCritic
from rlexp.engine.gradients.ppo import PPOLoss, Rows
from rlexp.engine.learning.ppo_steps import COLUMNS, PPOSteps
from rlexp.engine.learning.train_batch import TrainBatch


class EncodedPPOSteps(PPOSteps):
    """As `PPOSteps`, on steps or on sequences of them."""

    networks = EncodedActorCritic
    description = "heads and losses by formula, the encoder by autograd"

    def begin(self, batch: TrainBatch) -> None:
        """See `EpochSteps`."""
        self._weights, self._batch = self._weights_now(), batch
        self._step.gather()

    def step(self, items: Tensor | None, total_key: str | None) -> dict[str, float] | None:
        """See `EpochSteps`."""
        batch = self._batch.minibatch(items, (*COLUMNS.values(), Columns.ACTION_DIST_INPUTS))
        mask = batch.get(Columns.LOSS_MASK)
        columns = {name: _steps(batch[column], mask) for name, column in COLUMNS.items()}
        then = None
        if self._weights.kl is not None:
            then = self._make(_steps(batch[Columns.ACTION_DIST_INPUTS], mask))
        outputs, values = self._networks.forward(batch, mask)
        rows = Rows(**columns, then=then)
        loss = PPOLoss(self._make, outputs, values, rows, self._weights)
        parts = None if total_key is None else loss.parts(total_key)
        if self._networks.backward(*loss.gradient()):
            self._step.apply_flat()
        else:
            self._step.apply()
        return parts


def _steps(column: Tensor, mask: Tensor | None) -> NDArray[Any]:
    """[B, ...], of the steps alone."""
    return (column if mask is None else column[mask]).numpy()
