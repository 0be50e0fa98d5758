"""IQL's updates without autograd have RLlib's losses and gradients, whatever the settings."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.rllib.algorithms.iql import IQLConfig
from ray.rllib.algorithms.iql.torch.iql_torch_learner import IQLTorchLearner
from ray.rllib.core import COMPONENT_OPTIMIZER, COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from recorded_data_learners import assert_same_metrics, learner_of, steps_with_next, update
from vtrace_learners import assert_same_gradients, assert_same_weights

from rlexp.engine.learning.iql import FastIQLTorchLearner

CHOICES = st.fixed_dictionaries(
    {
        "twin_q": st.booleans(),
        "gamma": st.sampled_from([0.5, 0.99]),
        "expectile": st.sampled_from([0.3, 0.8]),
        "beta": st.sampled_from([0.1, 3.0, 50.0]),
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
        learner_of(cls, IQLConfig, actions="box", **{"model": SMALL, **options})
        for cls in (FastIQLTorchLearner, IQLTorchLearner)
    )
    assert made[0]._by_formula is not None
    for learner in made:
        generator = torch.Generator().manual_seed(1)
        for name, parameter in learner.module[DEFAULT_MODULE_ID].named_parameters():
            if "target" in name:
                parameter.data.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return made


def compare(options: dict[str, Any], **batch: Any) -> None:
    """An update by formula and by RLlib's own learner."""
    ours, theirs = learners(**options)
    columns = steps_with_next(ours.module[DEFAULT_MODULE_ID], **batch)
    assert_same_metrics(update(ours, columns), update(theirs, columns))
    assert_same_trained_gradients(ours, theirs)


def assert_same_trained_gradients(ours: Any, theirs: Any) -> None:
    """RLlib's backward pass leaves gradients at parameters that no optimiser trains, too."""
    for name, parameter in theirs.module[DEFAULT_MODULE_ID].named_parameters():
        if "target" in name:
            parameter.grad = None
    assert_same_gradients(ours, theirs)


@settings(max_examples=2, deadline=None, derandomize=True)
@given(options=CHOICES, **ROWS)
def test_iql(options: dict[str, Any], **batch: Any) -> None:
    compare(options, **batch)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(options=CHOICES, **ROWS)
def test_many_settings_of_iql(options: dict[str, Any], **batch: Any) -> None:
    compare(options, **batch)


def test_state_goes_to_rllib_and_back() -> None:
    parts = [COMPONENT_RL_MODULE, COMPONENT_OPTIMIZER]
    (ours, theirs), (again, _) = learners(), learners(seed=2)
    columns = steps_with_next(ours.module[DEFAULT_MODULE_ID])
    update(ours, columns, times=3)
    theirs.set_state(ours.get_state(components=parts))
    assert_same_weights(ours, theirs, atol=0)
    update(ours, columns, times=3), update(theirs, columns, times=3)
    assert_same_weights(ours, theirs)
    again.set_state(theirs.get_state(components=parts))
    assert_same_weights(again, theirs, atol=0)
