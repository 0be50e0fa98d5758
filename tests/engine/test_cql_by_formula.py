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
        "model": MODELS,
    }
)


def learners(**options: Any) -> tuple[Any, Any]:
    """By formula, and RLlib's own; with target critics that differ from the critics."""
    ours, theirs = (
        learner_of(cls, CQLConfig, actions="box", **{"lr": None, "num_actions": 4, "model": SMALL, **options})
        for cls in (FastCQLTorchLearner, CQLTorchLearner)
    )
    return with_moved_targets(ours, theirs)


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
    assert_same_trained_gradients(ours, theirs)


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
