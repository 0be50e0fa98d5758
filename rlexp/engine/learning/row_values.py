"""State values of every row of rollouts, for modules without memory.

Imported only once training starts: it imports RLlib.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ray.rllib.core.columns import Columns
from torch import Tensor

from rlexp.engine.learning.train_batch import VALUE_ROWS, Tensors, slice_of
from rlexp.engine.sampling.rollout import Rollout


def row_values(
    module: Any, rollouts: Sequence[Rollout], observations: Tensors, weights_seq_no: int
) -> list[NDArray[np.float32]]:
    """Values of all rows, [T + 1, N] per rollout, in chunks that stay in the cache and in memory.

    Where the runner kept what the shared encoder made of its observations, only the value head is run on it, and
    the whole network on the last row alone, which nobody has acted on.

    Args:
        module: has `compute_values`.
        rollouts: the experience.
        observations: of all rows, as `rlexp.engine.learning.train_batch.observations_of` gives them.
        weights_seq_no: RLlib's number of the module's weights; embeddings of other weights are not used.
    """
    found, start = [], 0
    with torch.no_grad():
        for rollout in rollouts:
            shape = rollout.num_steps + 1, rollout.num_envs
            stop = start + shape[0] * shape[1]
            kept = rollout.embeddings if rollout.weights_seq_no == weights_seq_no else None
            first = start if kept is None else stop - rollout.num_envs
            parts = [] if kept is None else _of_embeddings(module, kept)
            parts += _of_rows(module, observations, first, stop)
            found.append(torch.cat(parts).cpu().numpy().reshape(shape))
            start = stop
    return found


def _of_rows(module: Any, observations: Tensors, first: int, stop: int) -> list[Tensor]:
    return [
        module.compute_values({Columns.OBS: slice_of(observations, low, min(low + VALUE_ROWS, stop))})
        for low in range(first, stop, VALUE_ROWS)
    ]


def _of_embeddings(module: Any, kept: NDArray[np.float32]) -> list[Tensor]:
    device = next(module.parameters()).device
    rows = torch.from_numpy(kept.reshape(-1, kept.shape[-1]))
    return [
        module.compute_values({}, embeddings=rows[low : low + VALUE_ROWS].to(device))
        for low in range(0, len(rows), VALUE_ROWS)
    ]
