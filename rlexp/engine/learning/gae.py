"""Generalised advantage estimation (Schulman et al. 2016) over entire rollouts, with RLlib's results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rlexp.engine.rollout import Rollout

Array = NDArray[np.float64]
Floats = TypeVar("Floats", NDArray[np.float64], NDArray[np.float32])


@dataclass(slots=True)
class Advantages:
    """One rollout's estimates; what stands at resets means nothing.

    Attributes:
        advantages: [T, N].
        targets: [T, N], what the value function should say: advantage plus value.
    """

    advantages: Array
    targets: Array


def estimate(values: NDArray[np.floating], rollout: Rollout, gamma: float, lambda_: float) -> Advantages:
    """Advantages and value targets.

    The state after a terminated step is worth nothing; the state after a truncated step, or at the rollout's end,
    is worth what `values` says of the row that follows.

    Args:
        values: [T + 1, N], of every row of observations.
        rollout: the experience.
        gamma: discount per step.
        lambda_: weight of longer returns.
    """
    valid, ends = rollout.valid, ends_of(rollout)
    state_values = values.astype(np.float64)
    errors = rollout.rewards + gamma * ~rollout.terminated * state_values[1:] - state_values[:-1]
    errors[~valid] = 0.0
    advantages = discounted_sums(errors, (gamma * lambda_ * (valid & ~ends)).astype(np.float64))
    return Advantages(advantages, advantages + state_values[:-1])


def ends_of(rollout: Rollout) -> NDArray[np.bool_]:
    """[T, N]: the last step of each episode, or of the part of it that lies in the rollout."""
    followed = np.zeros_like(rollout.valid)
    followed[:-1] = rollout.valid[1:]
    return rollout.valid & (rollout.terminated | rollout.truncated | ~followed)


def discounted_sums(terms: Floats, decay: Floats) -> Floats:
    """`sums[t] = terms[t] + decay[t] * sums[t + 1]` along the first axis, whose last row of `decay` is zero.

    Each pass doubles the number of terms that every sum holds, so it takes log2 of the longest episode.
    """
    sums, decay = terms.copy(), decay.copy()
    reach = 1
    while reach < len(sums) and decay.any():
        sums[:-reach] += decay[:-reach] * sums[reach:]
        decay[:-reach] *= decay[reach:]
        reach *= 2
    return sums


def standardise(
    estimates: Sequence[Advantages],
    values: Sequence[NDArray[np.floating]],
    rollouts: Sequence[Rollout],
    gamma: float,
    lambda_: float,
) -> list[NDArray[np.float32]]:
    """Advantages of the valid steps, sub-environment by sub-environment, shifted and scaled as RLlib does.

    RLlib takes mean and deviation not over the steps alone: it lengthens each episode by a step without reward,
    whose estimate runs on into the episode that comes next in its list, and counts these steps too.

    Returns:
        per rollout [valid steps].
    """
    steps = [each.advantages.T[r.valid.T] for each, r in zip(estimates, rollouts, strict=True)]
    extra = _estimates_of_added_steps(steps, values, rollouts, gamma, lambda_)
    counted = np.concatenate([*steps, extra]).astype(np.float32)
    mean, deviation = counted.mean(), max(1e-4, float(counted.std()))
    return [((each - mean) / deviation).astype(np.float32) for each in steps]


def _estimates_of_added_steps(
    steps: Sequence[Array],
    values: Sequence[NDArray[np.floating]],
    rollouts: Sequence[Rollout],
    gamma: float,
    lambda_: float,
) -> Array:
    """One number for each end of an episode or of a part of one, in RLlib's order: by rollout, environment, time."""
    firsts, first_values, last_values = [], [], []
    for advantages, value, rollout in zip(steps, values, rollouts, strict=True):
        valid, ends = rollout.valid.T, ends_of(rollout).T
        is_end = ends[valid]
        is_first = np.roll(
            is_end, 1
        )  # the step after an end; and the very first, since the last one is an end
        firsts.append(advantages[is_first])
        first_values.append(value[:-1].T[valid][is_first])
        last_values.append(value[1:].T[ends])
    after = np.concatenate(last_values).astype(np.float64)
    following = np.append(
        gamma * np.concatenate(first_values) + gamma * lambda_ * np.concatenate(firsts), 0.0
    )[1:]
    return following - after
