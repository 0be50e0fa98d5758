"""Training batches for v-trace: after each episode's last step, or the last one of its part, one step is added.

The added step holds the observation that follows, so that one forward pass gives the values to bootstrap from. As
RLlib's `AddOneTsToEpisodesAndTruncate` makes it: it repeats the last action and the module's outputs, has no reward,
and is masked out of the loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import tree
from numpy.typing import NDArray
from ray.rllib.core.columns import Columns

from rlexp.engine.learning.gae import ends_of
from rlexp.engine.learning.sequences import in_sequences, widths_of
from rlexp.engine.learning.train_batch import Tensors, TrainBatch, of_steps
from rlexp.engine.sampling.rollout import Rollout


def of_trajectories(
    rollouts: Sequence[Rollout], observations: Tensors, device: Any, length: int | None = None
) -> TrainBatch:
    """The valid steps and the added ones, by rollout, then sub-environment, then time.

    Args:
        rollouts: the experience.
        observations: of all rows, as `rlexp.engine.learning.train_batch.observations_of` gives them.
        device: where the tensors go.
        length: of the sequences into which each episode's part is cut, for a recurrent module; None for steps.

    Returns:
        a batch whose mask ([items], or [items, length]) is false for added steps and padding.
    """
    steps = of_steps(rollouts, observations, device)
    ends = np.flatnonzero(np.concatenate([ends_of(r).T[r.valid.T] for r in rollouts]))
    lengthened = _lengthened(steps, rollouts, ends)
    if length is None:
        return lengthened
    after = ends + 2 + np.arange(len(ends))  # one past each added step
    firsts = np.concatenate([[0], after[:-1]])
    return in_sequences(lengthened, rollouts, firsts, after - firsts, length)


def _lengthened(steps: TrainBatch, rollouts: Sequence[Rollout], ends: NDArray[np.int64]) -> TrainBatch:
    """The batch with one more step after each of `ends`."""
    device, count = steps.rows.device, np.ones(steps.num_steps, np.int64)
    count[ends] = 2
    source = torch.from_numpy(np.repeat(np.arange(steps.num_steps), count)).to(device)
    last = torch.from_numpy(ends + np.arange(len(ends))).to(device)
    added = last + 1
    columns = {
        name: tree.map_structure(lambda leaf: leaf[source], column) for name, column in steps.columns.items()
    }
    columns[Columns.TRUNCATEDS][last] = ~columns[Columns.TERMINATEDS][last]
    for name in (Columns.REWARDS, Columns.TERMINATEDS, Columns.TRUNCATEDS):
        columns[name][added] = 0
    rows = steps.rows[source]
    rows[added] += torch.from_numpy(widths_of(rollouts)).to(device)
    mask = torch.ones(len(source), dtype=torch.bool, device=device)
    mask[added] = False
    return TrainBatch(steps.observations, rows, columns, {}, mask, steps.num_steps)
