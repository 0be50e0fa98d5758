"""Sequences for recurrent modules: each episode cut into pieces of at most L steps, padded with zeros to L.

As RLlib cuts them: from the first step that the rollout has of the episode, each with the state before its first step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import tree
from numpy.typing import NDArray
from ray.rllib.core.columns import Columns
from torch import Tensor

from rlexp.engine.learning.gae import ends_of
from rlexp.engine.learning.train_batch import (
    VALUE_ROWS,
    Tensors,
    TrainBatch,
    split_rows,
    to_tensors,
    valid_rows,
)
from rlexp.engine.rollout import Rollout

Indices = NDArray[np.int64]


def of_sequences(batch: TrainBatch, rollouts: Sequence[Rollout], length: int) -> TrainBatch:
    """A batch of steps as a batch of sequences.

    Args:
        batch: what `rlexp.engine.learning.train_batch.of_steps` made of the rollouts.
        rollouts: the experience, with states.
        length: L.
    """
    return in_sequences(batch, rollouts, *_parts(rollouts), length)


def in_sequences(
    batch: TrainBatch, rollouts: Sequence[Rollout], firsts: Indices, sizes: Indices, length: int
) -> TrainBatch:
    """The steps as sequences, each with the state before its first step, padded with zeros.

    Args:
        batch: of steps; what its mask leaves out stays out.
        rollouts: the experience, with states.
        firsts: [parts], the first step of each episode's part.
        sizes: [parts], its length.
        length: L.
    """
    starts, sizes = _pieces(firsts, sizes, length)
    steps, inside = _grid(starts, sizes, length)
    device = batch.rows.device
    index, within = torch.from_numpy(steps).to(device), torch.from_numpy(inside).to(device)
    observations, padding = _with_padding(batch.observations)
    states = _states(rollouts, batch.rows.cpu().numpy()[starts], device)
    return TrainBatch(
        observations,
        torch.where(within, batch.rows[index], padding),
        {
            name: tree.map_structure(lambda leaf: _padded(leaf, index, within), column)
            for name, column in batch.columns.items()
        },
        {Columns.STATE_IN: states, Columns.SEQ_LENS: torch.from_numpy(sizes).to(device)},
        within if batch.mask is None else within & batch.mask[index],
        batch.num_steps,
    )


def sequence_values(
    module: Any, rollouts: Sequence[Rollout], observations: Tensors, length: int, device: Any
) -> list[NDArray[np.float32]]:
    """State values of a recurrent module, [T + 1, N] per rollout; zero where no step was taken nor followed.

    Args:
        module: RLlib's module with `compute_values`.
        rollouts: the experience, with states.
        observations: of all rows, as `rlexp.engine.learning.train_batch.observations_of` gives them.
        length: L.
        device: where the module is.
    """
    firsts, sizes = _parts(rollouts)
    # The observation after the last step ends the last piece, or makes one of its own.
    starts, lengths = _pieces(np.concatenate([[0], np.cumsum(sizes + 1)[:-1]]), sizes + 1, length)
    rows_of_steps, widths = np.concatenate(valid_rows(rollouts)), widths_of(rollouts)
    extended = np.insert(rows_of_steps, firsts + sizes, rows_of_steps[firsts + sizes - 1] + widths)
    steps, inside = _grid(starts, lengths, length)
    padded, padding = _with_padding(observations)
    rows = np.where(inside, extended[steps], padding)
    values = np.zeros(padding + 1, np.float32)
    states = _states(rollouts, extended[starts], device)
    at_once = max(1, VALUE_ROWS // length)
    with torch.no_grad():
        for start in range(0, len(rows), at_once):
            part = slice(start, start + at_once)
            index = torch.from_numpy(rows[part]).to(device)
            sequence = {
                Columns.OBS: tree.map_structure(lambda leaf, index=index: leaf[index], padded),
                Columns.STATE_IN: tree.map_structure(lambda leaf, part=part: leaf[part], states),
                Columns.SEQ_LENS: torch.from_numpy(lengths[part]).to(device),
            }
            found = module.compute_values(sequence).float().cpu().numpy()
            values[rows[part][inside[part]]] = found[inside[part]]
    return split_rows(values[:-1], rollouts)


def _parts(rollouts: Sequence[Rollout]) -> tuple[Indices, Indices]:
    """First step and length of each episode's part, counted over the valid steps by rollout, environment, time."""
    is_end = np.concatenate([ends_of(rollout).T[rollout.valid.T] for rollout in rollouts])
    after = np.flatnonzero(is_end) + 1
    firsts = np.concatenate([[0], after[:-1]])
    return firsts, after - firsts


def widths_of(rollouts: Sequence[Rollout]) -> Indices:
    """Sub-environments of the rollout that each part lies in: how many rows further on the next observation is."""
    counts = [int(np.count_nonzero(ends_of(rollout))) for rollout in rollouts]
    return np.repeat([rollout.num_envs for rollout in rollouts], counts)


def _pieces(firsts: Indices, sizes: Indices, length: int) -> tuple[Indices, Indices]:
    """Parts cut into pieces of at most `length`: first step and length of each."""
    counts = -(-sizes // length)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = np.repeat(firsts, counts) + number * length
    return starts, np.minimum(length, np.repeat(sizes, counts) - number * length)


def _grid(starts: Indices, sizes: Indices, length: int) -> tuple[Indices, NDArray[np.bool_]]:
    """[pieces, length]: steps, and which of them are not padding (padding names the first step)."""
    offsets = np.arange(length)
    inside = offsets < sizes[:, None]
    return np.where(inside, starts[:, None] + offsets, 0), inside


def _with_padding(observations: Tensors) -> tuple[Tensors, int]:
    """The observations with a row of zeros at the end, and that row."""
    longer = tree.map_structure(lambda leaf: torch.cat([leaf, torch.zeros_like(leaf[:1])]), observations)
    return longer, len(tree.flatten(longer)[0]) - 1


def _padded(leaf: Tensor, index: Tensor, mask: Tensor) -> Tensor:
    chosen = leaf[index]
    chosen[~mask] = 0
    return chosen


def _states(rollouts: Sequence[Rollout], rows: Indices, device: Any) -> Tensors:
    """The states before the steps at these rows."""
    flat = [
        tree.map_structure(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), rollout.states)
        for rollout in rollouts
    ]
    joined = tree.map_structure(lambda *leaves: np.concatenate(leaves)[rows], *flat)
    return to_tensors(joined, device)
