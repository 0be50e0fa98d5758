"""IQL's updates without autograd have RLlib's losses and gradients, whatever the settings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.rllib.algorithms.iql import IQLConfig
from ray.rllib.algorithms.iql.torch.iql_torch_learner import IQLTorchLearner
from ray.rllib.core import COMPONENT_OPTIMIZER, COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from recorded_data_learners import (
    MODELS,
    ROWS,
    SMALL,
    assert_same_metrics,
    assert_same_trained_gradients,
    learner_of,
    steps_with_next,
    update,
    with_moved_targets,
)
from vtrace_learners import assert_same_weights

from rlexp.engine.learning.iql import FastIQLTorchLearner

CHOICES = st.fixed_dictionaries(
    {
        "twin_q": st.booleans(),
        "gamma": st.sampled_from([0.5, 0.99]),
        "expectile": st.sampled_from([0.3, 0.8]),
        "beta": st.sampled_from([0.1, 3.0, 50.0]),
        "grad_clip": st.sampled_from([None, 0.05]),
        "model": MODELS,
    }
)


def learners(**options: Any) -> tuple[Any, Any]:
    """By formula, and RLlib's own; with target critics that differ from the critics."""
    ours, theirs = (
        learner_of(cls, IQLConfig, actions="box", **{"model": SMALL, **options})
        for cls in (FastIQLTorchLearner, IQLTorchLearner)
    )
    return with_moved_targets(ours, theirs)


def compare(options: dict[str, Any], **batch: Any) -> None:
    """An update by formula and by RLlib's own learner."""
    ours, theirs = learners(**options)
    columns = steps_with_next(ours.module[DEFAULT_MODULE_ID], **batch)
    assert_same_metrics(update(ours, columns), update(theirs, columns))
    assert_same_trained_gradients(ours, theirs)


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
