"""Which items each minibatch holds: RLlib's cyclic passes over a batch."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor


def minibatches(
    num_items: int,
    size: int | None,
    num_epochs: int = 1,
    shuffle: bool = False,
    num_minibatches: int = 0,
    device: torch.device | str = "cpu",
) -> Iterator[Tensor | None]:
    """Items of each minibatch, as many and as large as RLlib's `MiniBatchCyclicIterator` would give.

    The passes run on from one minibatch into the next, so the last minibatch goes on into one pass more. RLlib
    shuffles after each pass: the first goes in order, and so does the only one.

    Args:
        num_items: steps or sequences in the batch.
        size: items in a minibatch; the whole batch for None.
        num_epochs: passes that must be whole.
        shuffle: whether to shuffle after each pass.
        num_minibatches: how many minibatches to give, whatever the passes; 0 for as many as the passes take.
        device: where the indices go.

    Yields:
        [size], int64; None for the whole batch in order.
    """
    if size is None or (size == num_items and not shuffle):
        for _ in range(num_minibatches or num_epochs):
            yield None
        return
    count = num_minibatches or math.ceil(num_epochs * num_items / size)
    shuffle = shuffle and num_epochs > 1
    rest, waiting = [torch.arange(num_items)], num_items
    for _ in range(count):
        while waiting < size:
            rest.append(torch.randperm(num_items) if shuffle else torch.arange(num_items))
            waiting += num_items
        stream = rest[0] if len(rest) == 1 else torch.cat(rest)
        yield stream[:size].to(device)
        rest, waiting = [stream[size:]], waiting - size
