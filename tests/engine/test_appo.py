"""The fast APPO learner against RLlib's, on the same experience and weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from made_rollouts import rollouts_for
from ray.rllib.algorithms.appo import APPOConfig
from ray.rllib.algorithms.appo.torch.appo_torch_learner import APPOTorchLearner
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.utils.metrics import NUM_ENV_STEPS_TRAINED_LIFETIME
from vtrace_learners import (
    CASES,
    assert_same_gradients,
    assert_same_metrics,
    assert_same_weights,
    learner_of,
    parameters,
    update,
)

from rlexp.engine.learning.appo import (
    LARGEST_RATIO,
    FastAPPOTorchLearner,
    MeasuredAPPOTorchLearner,
    log_ratio,
)

ITS_OWN: dict[str, dict[str, Any]] = {
    "kl": {"use_kl_loss": True, "kl_coeff": 3.0, "kl_target": 1e-6},
    "kl_shrinks": {"use_kl_loss": True, "kl_coeff": 3.0, "kl_target": 1e6},
    "kl_box": {"use_kl_loss": True, "kl_coeff": 3.0, "kl_target": 1e-6, "actions": "box"},
    "tight_clip": {"clip_param": 0.02},
}


def fast(**options: Any) -> Any:
    return learner_of(FastAPPOTorchLearner, APPOConfig, **options)


def stock(**options: Any) -> Any:
    return learner_of(APPOTorchLearner, APPOConfig, **options)


def move_targets(*learners: Any) -> None:
    """Target networks that differ from the main ones."""
    for learner in learners:
        generator = torch.Generator().manual_seed(1)
        for name, parameter in learner.module[DEFAULT_MODULE_ID].named_parameters():
            if "_old" in name:
                parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=generator))


@pytest.mark.parametrize("case", ["tight_clip", "lstm"])
def test_how_far_the_policy_moved_is_logged_in_both_paths(case: str) -> None:
    options = (CASES | ITS_OWN)[case]
    measured = learner_of(MeasuredAPPOTorchLearner, APPOConfig, **options)
    with fast(**options) as ours, measured as theirs:
        move_targets(ours, theirs)
        rollouts = rollouts_for(ours, options.get("actions", "discrete"))
        mine, logged = update(ours, rollouts), update(theirs, rollouts)
        assert_same_metrics(mine, logged)
    assert {"approx_kl", "clip_fraction"} <= set(logged)
    assert mine["approx_kl"] > 0 and mine["clip_fraction"] > 0


def test_the_ratio_is_the_one_that_the_loss_clips() -> None:
    now, target, acted = torch.tensor([-1.0, -2.0]), torch.tensor([-1.5, -9.0]), torch.tensor([-1.2, -1.0])
    weight = (acted - target).exp().clamp(0.0, LARGEST_RATIO)
    torch.testing.assert_close(log_ratio(now, target, acted).exp(), weight * (now - acted).exp())


@pytest.mark.parametrize("case", CASES | ITS_OWN)
def test_one_update(case: str) -> None:
    """Losses and their parts, gradients, weights after the step and the KL coefficient."""
    options = (CASES | ITS_OWN)[case]
    with fast(**options) as ours, stock(**options) as theirs:
        move_targets(ours, theirs)
        rollouts = rollouts_for(ours, options.get("actions", "discrete"))
        assert_same_metrics(update(ours, rollouts), update(theirs, rollouts))
        assert_same_gradients(ours, theirs)
        assert_same_weights(ours, theirs)
        coefficients = [float(each.curr_kl_coeffs_per_module[DEFAULT_MODULE_ID]) for each in (ours, theirs)]
        assert coefficients[0] == coefficients[1]
        if options.get("use_kl_loss"):
            assert coefficients[0] != 3.0


def test_target_network_follows_when_it_is_due() -> None:
    due = 2 * 1 * 3 * 40  # frequency, batches in the buffer, iterations of each, batch size
    options = {"circular_buffer_num_batches": 1, "circular_buffer_iterations_per_batch": 3, "tau": 0.5}
    with fast(**options) as ours, stock(**options) as theirs:
        move_targets(ours, theirs)
        rollouts = rollouts_for(ours)
        before = [parameter.detach().clone() for parameter in parameters(ours)]
        named = [name for name, _ in ours.module[DEFAULT_MODULE_ID].named_parameters()]
        for trained, moved in ((due - 1, False), (due, True)):
            for learner in (ours, theirs):
                update(learner, rollouts, timesteps={NUM_ENV_STEPS_TRAINED_LIFETIME: trained})
            assert_same_weights(ours, theirs)
            for name, old, new in zip(named, before, parameters(ours), strict=True):
                if "_old_pi" in name:
                    assert torch.equal(old, new) is not moved
