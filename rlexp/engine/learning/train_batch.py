"""Rollouts as the tensors of one training batch: valid steps only, in the order of RLlib's episodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import tree
from numpy.typing import NDArray
from ray.rllib.core.columns import Columns
from ray.rllib.utils.torch_utils import convert_to_torch_tensor
from torch import Tensor

from rlexp.engine.rollout import Rollout

VALUE_ROWS = 2048
"""How many rows to value at once: what stays in the cache and, for images, in memory."""

Tensors = Any
"""A tensor, or a nested dict or tuple of tensors."""


@dataclass(slots=True)
class TrainBatch:
    """Observations of all rows once, and which of them each item uses: images are copied only into minibatches.

    An item is a step, or a sequence of at most L steps of one episode for a recurrent module (`sequences`).

    Attributes:
        observations: [rows, ...]; all rows of all rollouts, flattened.
        rows: [items] or [items, L], int64: each step's row of observations.
        columns: [items, ...] or [items, L, ...] each, by RLlib's column name.
        per_item: columns with one entry an item (states before its first step, sequence lengths); empty for steps.
        mask: [items, L], bool: false where a sequence is padded; None for steps.
        num_steps: valid steps.
    """

    observations: Tensors
    rows: Tensor
    columns: dict[str, Tensors]
    per_item: dict[str, Tensors]
    mask: Tensor | None
    num_steps: int

    @property
    def num_items(self) -> int:
        """What minibatches are drawn from."""
        return int(self.rows.shape[0])

    def steps_in(self, items: Tensor | None) -> int:
        """Steps that were taken, among some items; all of them for None."""
        if items is None:
            return self.num_steps
        return int(items.shape[0]) if self.mask is None else int(self.mask[items].sum())

    def minibatch(self, items: Tensor | None, names: Sequence[str] | None = None) -> dict[str, Tensors]:
        """Some items, all of them for None, as an RLlib module's batch.

        Args:
            items: [M], int64, on the batch's device.
            names: the columns besides observations, states and mask; all for None.
        """

        def pick(column: Tensors) -> Tensors:
            return column if items is None else _map(lambda leaf: leaf[items], column)

        rows = pick(self.rows)
        batch = {Columns.OBS: _map(lambda leaf: _at(leaf, rows), self.observations)}
        for name in self.columns if names is None else names:
            batch[name] = pick(self.columns[name])
        for name, column in self.per_item.items():
            batch[name] = pick(column)
        if self.mask is not None:
            batch[Columns.LOSS_MASK] = pick(self.mask)
        return batch


def _at(leaf: Tensor, rows: Tensor) -> Tensor:
    """`leaf[rows]`, in half the time for images."""
    chosen = leaf.index_select(0, rows.reshape(-1))
    return chosen.view(*rows.shape, *leaf.shape[1:])


def of_steps(rollouts: Sequence[Rollout], observations: Tensors, device: Any) -> TrainBatch:
    """A batch whose items are the valid steps: by rollout, then sub-environment, then time.

    Args:
        rollouts: the experience.
        observations: of all rows, as `observations_of` gives them.
        device: where the tensors go.
    """
    rows = torch.from_numpy(np.concatenate(valid_rows(rollouts))).to(device)
    columns = {name: to_tensors(column, device) for name, column in steps_of(rollouts).items()}
    return TrainBatch(observations, rows, columns, {}, None, int(rows.shape[0]))


def observations_of(rollouts: Sequence[Rollout], device: Any) -> Tensors:
    """All rows of all rollouts as tensors [sum of (T + 1) N, ...]; no copy for one rollout on a CPU."""
    flat = [
        _map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), rollout.observations) for rollout in rollouts
    ]
    joined = flat[0] if len(flat) == 1 else tree.map_structure(lambda *leaves: np.concatenate(leaves), *flat)
    return to_tensors(joined, device)


def slice_of(observations: Tensors, start: int, stop: int) -> Tensors:
    """Some of the rows that `observations_of` gives."""
    return _map(lambda leaf: leaf[start:stop], observations)


def split_rows(flat: NDArray[Any], rollouts: Sequence[Rollout]) -> list[NDArray[Any]]:
    """One number for each row of `observations_of` as [T + 1, N] per rollout."""
    shapes = [(rollout.num_steps + 1, rollout.num_envs) for rollout in rollouts]
    ends = np.cumsum([steps * envs for steps, envs in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]


def valid_rows(rollouts: Sequence[Rollout]) -> list[NDArray[np.int64]]:
    """Per rollout the rows of `observations_of` where valid steps were taken, by sub-environment, then time."""
    found, before = [], 0
    for rollout in rollouts:
        env, step = np.nonzero(rollout.valid.T)
        found.append(before + step * rollout.num_envs + env)
        before += (rollout.num_steps + 1) * rollout.num_envs
    return found


def steps_of(rollouts: Sequence[Rollout]) -> dict[str, Any]:
    """Actions, rewards, ends and the module's outputs by RLlib's names: [steps, ...] by rollout, environment, time."""
    chosen = [
        {
            name: _map(lambda leaf, mask=rollout.valid.T: leaf.swapaxes(0, 1)[mask], column)  # type: ignore[misc]
            for name, column in _columns_of(rollout).items()
        }
        for rollout in rollouts
    ]
    return (
        chosen[0] if len(chosen) == 1 else tree.map_structure(lambda *leaves: np.concatenate(leaves), *chosen)
    )


def _columns_of(rollout: Rollout) -> dict[str, Any]:
    return {
        Columns.ACTIONS: rollout.actions,
        Columns.REWARDS: rollout.rewards,
        Columns.TERMINATEDS: rollout.terminated,
        Columns.TRUNCATEDS: rollout.truncated,
        **rollout.outputs,
    }


def to_tensors(columns: Any, device: Any) -> Tensors:
    """Arrays as tensors of RLlib's types (no float64) on a device."""
    return convert_to_torch_tensor(columns, device=device)


def _map(function: Callable[[Any], Any], column: Any) -> Any:
    """`tree.map_structure`, without its cost for the plain column that most are."""
    if isinstance(column, (np.ndarray, Tensor)):
        return function(column)
    return tree.map_structure(function, column)
