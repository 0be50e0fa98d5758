"""Which items minibatches hold, against RLlib's iterator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ray.rllib.policy.sample_batch import MultiAgentBatch, SampleBatch
from ray.rllib.utils.minibatch_utils import MiniBatchCyclicIterator

from rlexp.engine.learning.on_policy import minibatches


@pytest.mark.parametrize("num_items", [1, 7, 12])
@pytest.mark.parametrize("size", [1, 3, 4, 12, 20])
@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize("fixed", [0, 5])
def test_equal_to_rllib_in_order(num_items: int, size: int, epochs: int, fixed: int) -> None:
    batch = MultiAgentBatch({"p": SampleBatch({"obs": np.arange(num_items)})}, num_items)
    stock = MiniBatchCyclicIterator(
        batch,
        num_epochs=epochs,
        minibatch_size=size,
        shuffle_batch_per_epoch=False,
        num_total_minibatches=fixed,
    )
    ours = list(minibatches(num_items, size, epochs, num_minibatches=fixed))
    theirs = [minibatch["p"]["obs"].tolist() for minibatch in stock]
    assert [list(range(num_items)) if items is None else items.tolist() for items in ours] == theirs


def test_shuffled_passes_hold_every_item_once() -> None:
    torch.manual_seed(0)
    stream = torch.cat([items for items in minibatches(10, 4, 4, shuffle=True) if items is not None]).tolist()
    passes = [stream[start : start + 10] for start in range(0, 40, 10)]
    assert [sorted(each) for each in passes] == [list(range(10))] * 4
    assert passes[0] == list(range(10))
    assert passes[1] != passes[2] != passes[0]


def test_one_pass_is_never_shuffled() -> None:
    assert torch.cat([i for i in minibatches(9, 3, 1, shuffle=True) if i is not None]).tolist() == list(
        range(9)
    )


def test_no_size_is_the_whole_batch() -> None:
    assert list(minibatches(9, None, 3, shuffle=True)) == [None] * 3
