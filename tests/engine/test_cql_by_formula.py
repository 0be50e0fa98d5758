"""CQL's updates without autograd have RLlib's losses and gradients, whatever the settings."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.rllib.algorithms.cql import CQLConfig
from ray.rllib.algorithms.cql.torch.cql_torch_learner import CQLTorchLearner
from ray.rllib.core import COMPONENT_OPTIMIZER, COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from recorded_data_learners import assert_same_metrics, learner_of, steps_with_next, update
from vtrace_learners import assert_same_gradients, assert_same_weights

from rlexp.engine.learning.cql import FastCQLTorchLearner

CHOICES = st.fixed_dictionaries(
    {
        "twin_q": st.booleans(),
        "gamma": st.sampled_from([0.5, 0.99]),
        "bc_iters": st.sampled_from([0, 2, 100]),
        "num_actions": st.sampled_from([1, 4]),
        "temperature": st.sampled_from([0.3, 1.0]),
        "min_q_weight": st.sampled_from([0.5, 5.0]),
        "deterministic_backup": st.booleans(),
        "grad_clip": st.sampled_from([None, 0.05]),
        "model": st.fixed_dictionaries(
            {
                "fcnet_hiddens": st.sampled_from([[5], [16, 8]]),
                "fcnet_activation": st.sampled_from(["tanh", "relu", "silu"]),
                "fusionnet_hiddens": st.sampled_from([[], [7]]),
            }
        ),
    }
)
ROWS = {"rows": st.integers(2, 30), "seed": st.integers(0, 1000)}


SMALL = {"fcnet_hiddens": [5], "fusionnet_hiddens": [7]}


def learners(**options: Any) -> tuple[Any, Any]:
    """By formula, and RLlib's own; with target critics that differ from the critics."""
    made = tuple(
        learner_of(cls, CQLConfig, actions="box", **{"lr": None, "num_actions": 4, "model": SMALL, **options})
        for cls in (FastCQLTorchLearner, CQLTorchLearner)
    )
    assert made[0]._by_formula is not None
    for learner in made:
        generator = torch.Generator().manual_seed(1)
        for name, parameter in learner.module[DEFAULT_MODULE_ID].named_parameters():
            if "target" in name:
                parameter.data.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return made


def both(ours: Any, theirs: Any, columns: dict[str, torch.Tensor], times: int = 1) -> None:
    """The same updates of both, with the same draws."""
    found = []
    for learner in (ours, theirs):
        torch.manual_seed(5)
        found.append(update(learner, columns, times))
    assert_same_metrics(*found)


def compare(options: dict[str, Any], **batch: Any) -> None:
    """An update by formula and by RLlib's own learner."""
    ours, theirs = learners(**options)
    both(ours, theirs, steps_with_next(ours.module[DEFAULT_MODULE_ID], **batch))
    for name, parameter in theirs.module[DEFAULT_MODULE_ID].named_parameters():
        if "target" in name:  # which no optimiser trains
            parameter.grad = None
    assert_same_gradients(ours, theirs)


@settings(max_examples=1, deadline=None, derandomize=True)
@given(options=CHOICES, **ROWS)
def test_cql(options: dict[str, Any], **batch: Any) -> None:
    compare(options, **batch)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(options=CHOICES, **ROWS)
def test_many_settings_of_cql(options: dict[str, Any], **batch: Any) -> None:
    compare(options, **batch)


def test_cloning_ends_when_rllibs_does_and_state_goes_to_rllib() -> None:
    parts = [COMPONENT_RL_MODULE, COMPONENT_OPTIMIZER]
    (ours, theirs), (_, fresh) = learners(bc_iters=3), learners(bc_iters=3, seed=2)
    columns = steps_with_next(ours.module[DEFAULT_MODULE_ID])
    both(ours, theirs, columns, times=5)
    assert_same_weights(ours, theirs)
    fresh.set_state(ours.get_state(components=parts))
    assert_same_weights(ours, fresh, atol=0)
