"""V-trace (Espeholt et al. 2018, equations 1 and 2) over trajectories side by side, with RLlib's results."""

from __future__ import annotations

import torch
from torch import Tensor

from rlexp.engine.learning.gae import discounted_sums


def v_trace(
    log_ratios: Tensor,
    rewards: Tensor,
    values: Tensor,
    discounts: Tensor,
    length: int,
    clip_rho: float | None = 1.0,
    clip_pg_rho: float | None = 1.0,
) -> tuple[Tensor, Tensor]:
    """Value targets and advantages for the policy gradient; no gradient flows through either.

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
    with torch.no_grad():
        rho = log_ratios.exp()
        next_values = _shifted(values, length)
        errors = _at_most(rho, clip_rho) * (rewards + discounts * next_values - values)
        decay = discounts * rho.clamp(max=1.0)
        decay[length - 1 :: length] = 0.0
        decay[-1] = 0.0
        sums = discounted_sums(errors.cpu().numpy(), decay.cpu().numpy())
        targets = values + torch.from_numpy(sums).to(values.device)
        next_targets = _shifted(targets, length)
        next_targets[length - 1 :: length] = next_values[length - 1 :: length]
        return targets, _at_most(rho, clip_pg_rho) * (rewards + discounts * next_targets - values)


def _at_most(rho: Tensor, bound: float | None) -> Tensor:
    return rho if bound is None else rho.clamp(max=bound)


def _shifted(column: Tensor, length: int) -> Tensor:
    """What stands one step later."""
    later = column.roll(-1)
    if len(column) % length:
        later[-1] = 0.0
    return later
