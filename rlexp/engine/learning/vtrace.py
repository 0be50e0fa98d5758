"""V-trace (Espeholt et al. 2018, equations 1 and 2) with RLlib's results, and its training batches.

After each episode's last step, or the last one of its part, one step is added. It holds the observation that follows,
so that one forward pass gives the values to bootstrap from. As RLlib's `AddOneTsToEpisodesAndTruncate` makes it: it
repeats the last action and the module's outputs, has no reward, and is masked out of the loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import tree
from numpy.typing import NDArray
from ray.rllib.core.columns import Columns
from torch import Tensor

from rlexp.engine.learning.gae import discounted_sums, ends_of
from rlexp.engine.learning.sequences import in_sequences, widths_of
from rlexp.engine.learning.train_batch import Tensors, TrainBatch, of_steps
from rlexp.engine.rollout import Rollout

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Correction:
    """V-trace's settings.

    Attributes:
        gamma: discount per step.
        length: T, steps in a stretch.
        clip_rho: bound of the importance weights in the value targets; None for none.
        clip_pg_rho: bound of those in the policy gradient; None for none.
    """

    gamma: float
    length: int
    clip_rho: float | None = 1.0
    clip_pg_rho: float | None = 1.0


def v_trace(
    log_ratios: Tensor,
    rewards: Tensor,
    values: Tensor,
    discounts: Tensor,
    length: int,
    clip_rho: float | None = 1.0,
    clip_pg_rho: float | None = 1.0,
) -> tuple[Tensor, Tensor]:
    """`v_trace_of_arrays` for tensors on any device; no gradient flows through either result."""
    targets, advantages = v_trace_of_arrays(
        _array(log_ratios),
        _array(rewards),
        _array(values),
        _array(discounts),
        length,
        clip_rho,
        clip_pg_rho,
    )
    return torch.from_numpy(targets).to(values.device), torch.from_numpy(advantages).to(values.device)


def v_trace_of_arrays(
    log_ratios: Array,
    rewards: Array,
    values: Array,
    discounts: Array,
    length: int,
    clip_rho: float | None = 1.0,
    clip_pg_rho: float | None = 1.0,
) -> tuple[Array, Array]:
    """Value targets and advantages for the policy gradient.

    With the importance weights r, their bounded values c = min(r, 1), discounts d and values v, for each step s:

        t_s - v_s = min(r_s, clip_rho) (reward_s + d_s v_s+1 - v_s) + d_s c_s (t_s+1 - v_s+1)
        A_s       = min(r_s, clip_pg_rho) (reward_s + d_s t_s+1 - v_s)

    The steps lie one after another and are cut into stretches of `length`; the sums of corrections end with a
    stretch, while the value after its last step is that of the next stretch's first step. After the last step of all
    stands zero, or, if the last stretch is full, the first value: as in RLlib, which pads with zeros and takes a value
    that its discount (zero after an episode's last observation) is meant to hide.

    Args:
        log_ratios: [M], logarithm of the target policy's probability of each action over the behaviour policy's.
        rewards: [M].
        values: [M], of the state before each step.
        discounts: [M], what the next state's value counts; zero where no state follows.
        length: T, steps in a stretch.
        clip_rho: bound of the importance weights in the value targets; None for none.
        clip_pg_rho: bound of those in the policy gradient; None for none.

    Returns:
        value targets [M] and advantages [M].
    """
    with np.errstate(over="ignore"):  # An infinite weight is bounded, or is no number in RLlib either.
        rho = np.exp(log_ratios)
    next_values = _shifted(values, length)
    errors = discounts * next_values
    errors += rewards
    errors -= values
    errors *= _at_most(rho, clip_rho)
    decay = discounts * np.minimum(rho, np.float32(1))
    decay[length - 1 :: length] = 0.0
    decay[-1] = 0.0
    targets = discounted_sums(errors, decay)
    targets += values
    next_targets = _shifted(targets, length)
    next_targets[length - 1 :: length] = next_values[length - 1 :: length]
    advantages = discounts * next_targets
    advantages += rewards
    advantages -= values
    advantages *= _at_most(rho, clip_pg_rho)
    return targets, advantages


def _array(column: Tensor) -> Array:
    found: Array = column.detach().cpu().numpy()
    return found


def _at_most(rho: Array, bound: float | None) -> Array:
    return rho if bound is None else np.minimum(rho, np.float32(bound))


def _shifted(column: Array, length: int) -> Array:
    """What stands one step later."""
    later = np.empty_like(column)
    later[:-1] = column[1:]
    later[-1] = 0.0 if len(column) % length else column[0]
    return later


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
