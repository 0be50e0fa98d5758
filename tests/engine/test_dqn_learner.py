"""The fast DQN learner against RLlib's, on the same batches."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from off_policy_learners import (
    assert_same_learners,
    assert_same_results,
    assert_states_interchange,
    batch_of,
    build,
    update_both,
)
from ray.rllib.algorithms.dqn import DQNConfig
from ray.rllib.algorithms.dqn.torch.dqn_torch_learner import DQNTorchLearner

from rlexp.engine.learning.dqn import FastDQNTorchLearner

ACTIONS = gym.spaces.Discrete(3)
MODEL = {"fcnet_hiddens": [16, 16], "fcnet_activation": "relu", "head_fcnet_hiddens": []}


def pair(**settings):
    config = DQNConfig().training(**({"lr": 1e-3, "num_atoms": 1} | settings)).rl_module(model_config=MODEL)
    return build(DQNTorchLearner, config, ACTIONS), build(FastDQNTorchLearner, config, ACTIONS)


@pytest.mark.parametrize("prioritized", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"double_q": False, "dueling": False},
        {"dueling": False, "td_error_loss_fn": "mse", "grad_clip": 0.5},
        {"target_network_update_freq": 0, "tau": 0.1, "lr": [[0, 1e-3], [1000, 1e-4]]},
        {"num_atoms": 5, "v_min": -3.0, "v_max": 3.0},
    ],
    ids=["double duelling", "plain", "mse clipped", "schedules", "distributional"],
)
def test_updates_equal_stocks(settings, prioritized):
    stock, fast = pair(**settings)
    assert fast._lean == ("num_atoms" not in settings)
    for number in range(3):
        batch = batch_of(ACTIONS, 32, prioritized, n_step=1 + number)
        theirs, ours = update_both(stock, fast, batch)
        assert_same_results(theirs, ours)
        assert_same_learners(stock, fast)


def test_states_interchange():
    stock, fast = pair()
    update_both(stock, fast, batch_of(ACTIONS, 16))
    assert_states_interchange(stock, fast)
    update_both(stock, fast, batch_of(ACTIONS, 16))
    assert_same_learners(stock, fast)


def test_many_updates_are_logged_at_once_with_stocks_sums():
    stock, fast = pair(target_network_update_freq=0)
    batch = batch_of(ACTIONS, 16)
    steps = {"num_env_steps_sampled_lifetime": 700}
    for _ in range(4):
        theirs, _ = update_both(stock, pair()[1], batch)
        errors = fast.update_from_replay(batch, steps)
        assert errors.shape == (16,) and (errors >= 0).all()
    fast.log_updates()
    result = fast.metrics.reduce()
    module = result["default_policy"]
    assert module["num_module_steps_trained"].peek() == 64
    assert module["num_target_updates"].peek() == 4
    assert module["qf_loss"].peek() == pytest.approx(theirs["qf_loss"], abs=1e-5)
    assert result["__all_modules__"]["num_env_steps_trained_lifetime"].peek() == 64


def test_a_learner_with_a_loss_of_its_own_keeps_it():
    class Doubled(FastDQNTorchLearner):
        def compute_loss_for_module(self, **kwargs):
            return 2 * super().compute_loss_for_module(**kwargs)

    config = DQNConfig().training(num_atoms=1).rl_module(model_config=MODEL)
    learner, (_, plain) = build(Doubled, config, ACTIONS), pair()
    batch = batch_of(ACTIONS, 8)
    assert not learner._lean
    ours = [np.asarray(x.update_from_replay(batch, {})) for x in (learner, plain)]
    np.testing.assert_allclose(*ours, atol=1e-5)
    gradients = [next(iter(x.module["default_policy"].parameters())).grad for x in (learner, plain)]
    np.testing.assert_allclose(gradients[0], 2 * gradients[1], atol=1e-5)
