"""IMPALA's and APPO's updates without autograd have RLlib's losses and gradients, whatever the settings."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rollouts import CNN, IMAGE, LSTM, made_rollout, rollouts_for
from ray.rllib.algorithms.appo import APPOConfig
from ray.rllib.algorithms.appo.torch.appo_torch_learner import APPOTorchLearner
from ray.rllib.algorithms.impala import IMPALAConfig
from ray.rllib.algorithms.impala.torch.impala_torch_learner import IMPALATorchLearner
from ray.rllib.core import DEFAULT_MODULE_ID
from vtrace_learners import (
    assert_same_gradients,
    assert_same_metrics,
    assert_same_weights,
    learner_of,
    parameters,
    update,
)

from rlexp.engine.learning.appo import FastAPPOTorchLearner
from rlexp.engine.learning.impala import FastIMPALATorchLearner

LEARNERS: dict[str, tuple[Any, Any, Any]] = {
    "impala": (FastIMPALATorchLearner, IMPALATorchLearner, IMPALAConfig),
    "appo": (FastAPPOTorchLearner, APPOTorchLearner, APPOConfig),
}
INPUTS = {"discrete": 3, "box": 4, "multidiscrete": 5}

CLIPS = st.sampled_from([0.3, 1.0, 2.0])
CHOICES = st.fixed_dictionaries(
    {
        "actions": st.sampled_from(sorted(INPUTS)),
        "gamma": st.sampled_from([0.5, 0.99, 1.0]),
        "entropy_coeff": st.sampled_from([0.0, 0.02, 0.7]),
        "vf_loss_coeff": st.sampled_from([0.0, 0.5, 2.0]),
        "vtrace_clip_rho_threshold": CLIPS,
        "vtrace_clip_pg_rho_threshold": CLIPS,
        "model": st.fixed_dictionaries(
            {
                "vf_share_layers": st.booleans(),
                "fcnet_hiddens": st.sampled_from([[5], [16, 8]]),
                "fcnet_activation": st.sampled_from(["tanh", "relu", "silu"]),
            }
        ),
    }
)
APPOS_OWN = st.fixed_dictionaries(
    {
        "clip_param": st.sampled_from([0.02, 0.3]),
        "use_kl_loss": st.booleans(),
        "kl_coeff": st.sampled_from([0.1, 3.0]),
    }
)
ROLLOUTS = st.fixed_dictionaries(
    {
        "steps": st.integers(1, 15),
        "envs": st.integers(1, 4),
        "done": st.sampled_from([0.0, 0.2, 0.6]),
        "seed": st.integers(0, 1000),
    }
)


def moved(learner: Any) -> Any:
    """The learner with target networks that differ from the main ones."""
    generator = torch.Generator().manual_seed(1)
    for name, parameter in learner.module[DEFAULT_MODULE_ID].named_parameters():
        if "_old" in name:
            parameter.data.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return learner


def compare(name: str, options: dict[str, Any], made: dict[str, Any]) -> None:
    """One update on the same rollout by formula, by autograd and by RLlib's own learner."""
    fast, stock, config = LEARNERS[name]
    with ExitStack() as stack:
        ours, autograd, theirs = (
            moved(stack.enter_context(learner_of(cls, config, **options))) for cls in (fast, fast, stock)
        )
        assert ours._by_formula is not None
        autograd._by_formula = None
        module = ours.module[DEFAULT_MODULE_ID]
        rollout = made_rollout(**made, action_space=module.action_space, inputs=INPUTS[options["actions"]])
        mine = update(ours, [rollout])
        for other in (autograd, theirs):
            assert_same_metrics(mine, update(other, [rollout]))
            assert_same_gradients(ours, other)


@settings(max_examples=2, deadline=None, derandomize=True)
@given(options=CHOICES, made=ROLLOUTS)
def test_impala(options: dict[str, Any], made: dict[str, Any]) -> None:
    compare("impala", options, made)


@settings(max_examples=2, deadline=None, derandomize=True)
@given(options=CHOICES, own=APPOS_OWN, made=ROLLOUTS)
def test_appo(options: dict[str, Any], own: dict[str, Any], made: dict[str, Any]) -> None:
    compare("appo", options | own, made)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(options=CHOICES, made=ROLLOUTS)
def test_impala_with_many_settings(options: dict[str, Any], made: dict[str, Any]) -> None:
    compare("impala", options, made)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(options=CHOICES, own=APPOS_OWN, made=ROLLOUTS)
def test_appo_with_many_settings(options: dict[str, Any], own: dict[str, Any], made: dict[str, Any]) -> None:
    compare("appo", options | own, made)


@pytest.mark.parametrize("name", LEARNERS)
def test_epochs_of_minibatches_end_at_the_same_weights(name: str) -> None:
    fast, _, config = LEARNERS[name]
    options = {"minibatch_size": 11, "num_epochs": 3, "grad_clip": 0.5, "entropy_coeff": 0.01}
    with learner_of(fast, config, **options) as ours, learner_of(fast, config, **options) as autograd:
        autograd._by_formula = None
        rollouts = rollouts_for(ours)
        for learner in (ours, autograd):
            moved(learner)
            for _ in range(2):
                torch.manual_seed(3)
                update(learner, rollouts, shuffle_batch_per_epoch=True)
        assert_same_weights(ours, autograd, atol=1e-4)


@pytest.mark.parametrize("model", [LSTM, CNN], ids=["lstm", "cnn"])
def test_networks_that_are_no_dense_layers_learn_by_autograd(model: dict[str, Any]) -> None:
    space = {"observation_space": IMAGE} if model is CNN else {}
    with learner_of(FastAPPOTorchLearner, APPOConfig, model=model, **space) as learner:
        assert learner._by_formula is None


class _Halved(FastIMPALATorchLearner):
    """A lab's subclass of the fast learner."""

    def loss_of(self, *given: Any) -> Any:
        loss, parts = super().loss_of(*given)
        return 0.5 * loss, parts


def test_a_subclasss_own_loss_is_the_one_that_is_minimised() -> None:
    with learner_of(_Halved, IMPALAConfig) as ours, learner_of(FastIMPALATorchLearner, IMPALAConfig) as plain:
        rollouts = rollouts_for(ours)
        update(ours, rollouts), update(plain, rollouts)
        for a, b in zip(parameters(ours), parameters(plain), strict=True):
            torch.testing.assert_close(2 * a.grad, b.grad, atol=1e-5, rtol=1e-4)
