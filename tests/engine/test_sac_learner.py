"""The fast SAC learner against RLlib's, on the same batches and random numbers."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from off_policy_learners import (
    assert_same_learners,
    assert_same_results,
    assert_states_interchange,
    batch_of,
    build,
    update_both,
)
from ray.rllib.algorithms.sac import SACConfig
from ray.rllib.algorithms.sac.torch.sac_torch_learner import SACTorchLearner
from ray.rllib.core.distribution.torch.torch_distribution import TorchSquashedGaussian

from rlexp.engine.learning.sac import FastSACTorchLearner, squashed_sample

BOX = gym.spaces.Box(-1, 1, (2,), np.float32)
MODEL = {
    "fcnet_hiddens": [16, 16],
    "fcnet_activation": "relu",
    "head_fcnet_hiddens": [],
    "fusionnet_hiddens": [],
    "fusionnet_activation": "relu",
}


def pair(actions=BOX, model=(), **settings):
    config = SACConfig().training(**settings).rl_module(model_config={**MODEL, **dict(model)})
    return build(SACTorchLearner, config, actions), build(FastSACTorchLearner, config, actions)


@pytest.mark.parametrize("prioritized", [False, True])
@pytest.mark.parametrize(
    ("actions", "model", "settings"),
    [
        (BOX, {}, {"initial_alpha": 0.3}),
        (BOX, {"fusionnet_hiddens": [16, 16]}, {"twin_q": False, "tau": 0.3}),
        (BOX, {"fcnet_activation": "tanh"}, {"grad_clip": 0.1, "actor_lr": [[0, 1e-3], [1000, 1e-4]]}),
        (gym.spaces.Discrete(3), {}, {"target_entropy": -1.0, "initial_alpha": 0.5}),
    ],
    ids=["twin", "one critic, fusion layers", "clipped, scheduled", "discrete"],
)
def test_updates_equal_stocks(actions, model, settings, prioritized):
    stock, fast = pair(actions, model, **settings)
    assert fast._lean
    for number in range(3):
        batch = batch_of(actions, 32, prioritized, n_step=1 + number)
        theirs, ours = update_both(stock, fast, batch)
        assert_same_results(theirs, ours)
        assert_same_learners(stock, fast, atol=1e-5)
        assert fast.curr_log_alpha["default_policy"].item() == pytest.approx(
            stock.curr_log_alpha["default_policy"].item(), abs=1e-6
        )


def test_states_interchange():
    stock, fast = pair()
    update_both(stock, fast, batch_of(BOX, 16))
    assert_states_interchange(stock, fast)
    update_both(stock, fast, batch_of(BOX, 16))
    assert_same_learners(stock, fast, atol=1e-5)


def test_the_critics_can_be_trained_again_after_the_policys_pass():
    _, fast = pair()
    fast.update_from_replay(batch_of(BOX, 16), {})
    assert all(parameter.requires_grad for parameter in fast._critic_parameters)


def test_the_squashed_gaussian_is_rllibs():
    inputs = 3 * torch.randn(64, 6, generator=torch.Generator().manual_seed(0))
    theirs, ours = inputs.clone().requires_grad_(), inputs.clone().requires_grad_()
    torch.manual_seed(3)
    actions, logp = TorchSquashedGaussian.from_logits(theirs).rsample_and_logp()
    torch.manual_seed(3)
    same_actions, same_logp = squashed_sample(ours)
    torch.testing.assert_close(same_actions, actions)
    torch.testing.assert_close(same_logp, logp, atol=1e-4, rtol=1e-5)
    for a, p in ((actions, logp), (same_actions, same_logp)):
        (a.sum() + p.sum()).backward()
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-4, rtol=1e-4)
