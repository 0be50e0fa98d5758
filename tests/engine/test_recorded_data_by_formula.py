"""BC's and MARWIL's updates without autograd have RLlib's losses and gradients, whatever the settings."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rollouts import CNN, IMAGE, LSTM, sampled
from ray.rllib.algorithms.bc import BCConfig
from ray.rllib.algorithms.marwil import MARWILConfig
from ray.rllib.algorithms.marwil.torch.marwil_torch_learner import MARWILTorchLearner
from ray.rllib.core import COMPONENT_OPTIMIZER, COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from recorded_data_learners import assert_same_metrics, learner_of, update
from vtrace_learners import assert_same_gradients, assert_same_weights, parameters

from rlexp.engine.learning.marwil import FastMARWILTorchLearner

CONFIGS = {"bc": BCConfig, "marwil": MARWILConfig}

CHOICES = st.fixed_dictionaries(
    {
        "actions": st.sampled_from(["discrete", "box", "multidiscrete"]),
        "grad_clip": st.sampled_from([None, 0.05]),
        "model": st.fixed_dictionaries(
            {
                "fcnet_hiddens": st.sampled_from([[5], [16, 8]]),
                "fcnet_activation": st.sampled_from(["tanh", "relu", "silu"]),
                "vf_share_layers": st.booleans(),
            }
        ),
    }
)
MARWILS_OWN = st.fixed_dictionaries(
    {
        "beta": st.sampled_from([0.1, 1.0, 3.0]),
        "vf_coeff": st.sampled_from([0.0, 1.0, 3.0]),
        "moving_average_sqd_adv_norm_start": st.sampled_from([0.5, 100.0]),
        "moving_average_sqd_adv_norm_update_rate": st.sampled_from([1e-8, 0.3]),
    }
)


def recorded(module: Any, rows: int = 20, seed: int = 0, masked: bool = False) -> dict[str, torch.Tensor]:
    """A batch of steps of nobody in particular."""
    rng = np.random.default_rng(seed)
    columns = {
        "obs": sampled(module.observation_space, rng, rows),
        "actions": sampled(module.action_space, rng, rows),
        "value_targets": rng.normal(size=rows).astype(np.float32),
    }
    if masked:
        columns["loss_mask"] = np.append(True, rng.random(rows - 1) < 0.7)
    return {name: torch.from_numpy(np.asarray(column)) for name, column in columns.items()}


def compare(name: str, options: dict[str, Any], **batch: Any) -> None:
    """Two updates by formula and by RLlib's own learner."""
    ours, theirs = (
        learner_of(cls, CONFIGS[name], **options) for cls in (FastMARWILTorchLearner, MARWILTorchLearner)
    )
    assert ours._by_formula is not None
    columns = recorded(ours.module[DEFAULT_MODULE_ID], **batch)
    assert_same_metrics(update(ours, columns), update(theirs, columns))
    assert_same_gradients(ours, theirs)
    assert_same_metrics(update(ours, columns), update(theirs, columns))


ROWS = {"rows": st.integers(2, 30), "seed": st.integers(0, 1000)}


@settings(max_examples=2, deadline=None, derandomize=True)
@given(options=CHOICES, masked=st.booleans(), **ROWS)
def test_bc(options: dict[str, Any], **batch: Any) -> None:
    compare("bc", options, **batch)


@settings(max_examples=2, deadline=None, derandomize=True)
@given(options=CHOICES, own=MARWILS_OWN, masked=st.booleans(), **ROWS)
def test_marwil(options: dict[str, Any], own: dict[str, Any], **batch: Any) -> None:
    compare("marwil", options | own, **batch)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(sorted(CONFIGS)), options=CHOICES, own=MARWILS_OWN, masked=st.booleans(), **ROWS)
def test_many_settings(name: str, options: dict[str, Any], own: dict[str, Any], **batch: Any) -> None:
    compare(name, options | (own if name == "marwil" else {}), **batch)


@pytest.mark.parametrize("name", CONFIGS)
def test_state_goes_to_rllib_and_back(name: str) -> None:
    parts = [COMPONENT_RL_MODULE, COMPONENT_OPTIMIZER]
    ours, again = (learner_of(FastMARWILTorchLearner, CONFIGS[name], seed=seed) for seed in (0, 2))
    theirs = learner_of(MARWILTorchLearner, CONFIGS[name], seed=1)
    columns = recorded(ours.module[DEFAULT_MODULE_ID])
    update(ours, columns, times=3)
    theirs.set_state(ours.get_state(components=parts))
    assert_same_weights(ours, theirs, atol=0)
    if name == "marwil":  # RLlib keeps the running mean out of the state.
        theirs.moving_avg_sqd_adv_norms_per_module = dict(ours.moving_avg_sqd_adv_norms_per_module)
    update(ours, columns, times=3), update(theirs, columns, times=3)
    assert_same_weights(ours, theirs)
    again.set_state(theirs.get_state(components=parts))
    assert_same_weights(again, theirs, atol=0)


STAY: dict[str, tuple[str, dict[str, Any], str]] = {
    "lstm": ("bc", {"model": LSTM}, "encoder|LSTM"),
    "cnn": ("marwil", {"model": CNN, "observation_space": IMAGE}, "CNN|begins with"),
    "no_beta": ("marwil", {"beta": 0.0}, "beta=0"),
}


@pytest.mark.parametrize("case", STAY)
def test_what_has_no_formula_learns_as_in_rllib_and_the_log_says_why(
    case: str, caplog: pytest.LogCaptureFixture
) -> None:
    name, options, reason = STAY[case]
    with caplog.at_level(logging.INFO, logger="rlexp"):
        ours = learner_of(FastMARWILTorchLearner, CONFIGS[name], **options)
    assert ours._by_formula is None
    assert caplog.text.count("updates by autograd: ") == 1
    if case != "lstm":
        theirs = learner_of(MARWILTorchLearner, CONFIGS[name], **options)
        columns = recorded(ours.module[DEFAULT_MODULE_ID])
        assert update(ours, columns) == update(theirs, columns)
        assert_same_weights(ours, theirs, atol=0)


class _Halved(FastMARWILTorchLearner):
    """A lab's subclass of the learner, as RLlib documents it."""

    def compute_loss_for_module(self, **given: Any) -> torch.Tensor:
        return 0.5 * super().compute_loss_for_module(**given)


def test_an_overridden_loss_is_used() -> None:
    ours, plain = learner_of(_Halved, BCConfig), learner_of(FastMARWILTorchLearner, BCConfig)
    columns = recorded(ours.module[DEFAULT_MODULE_ID])
    result, expected = update(ours, columns), update(plain, columns)
    assert result["total_loss"] == pytest.approx(0.5 * expected["total_loss"], rel=1e-5)
    for a, b in zip(parameters(ours), parameters(plain), strict=True):
        torch.testing.assert_close(2 * a.grad, b.grad, atol=1e-6, rtol=1e-4)


def test_a_hook_on_the_module_is_called() -> None:
    """It needs autograd, from the update on before which it was put there."""
    ours = learner_of(FastMARWILTorchLearner, BCConfig)
    columns = recorded(ours.module[DEFAULT_MODULE_ID])
    update(ours, columns)
    seen: list[torch.Tensor] = []
    parameters(ours)[0].register_hook(seen.append)
    update(ours, columns)
    assert len(seen) == 1
