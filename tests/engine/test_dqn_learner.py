"""The fast DQN learner against RLlib's, on the same batches."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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


def pair(model=MODEL, **options):
    config = DQNConfig().training(**({"lr": 1e-3, "num_atoms": 1} | options)).rl_module(model_config=model)
    return build(DQNTorchLearner, config, ACTIONS), build(FastDQNTorchLearner, config, ACTIONS)


@pytest.mark.parametrize("prioritized", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"double_q": False, "dueling": False},
        {"dueling": False, "td_error_loss_fn": "mse", "grad_clip": 0.5},
        {"target_network_update_freq": 0, "tau": 0.1, "lr": [[0, 1e-3], [1000, 1e-4]]},
        {"num_atoms": 5, "v_min": -3.0, "v_max": 3.0},
    ],
    ids=["double duelling", "plain", "mse clipped", "schedules", "distributional"],
)
def test_updates_equal_stocks(options, prioritized):
    stock, fast = pair(**options)
    assert fast._lean == ("num_atoms" not in options)
    assert (fast._by_formula is not None) == fast._lean
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


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    model=st.fixed_dictionaries(
        {
            "fcnet_hiddens": st.lists(st.integers(1, 24), min_size=1, max_size=3),
            "fcnet_activation": st.sampled_from(["tanh", "relu", "silu", "elu"]),
            "head_fcnet_hiddens": st.sampled_from([[], [5]]),
        }
    ),
    options=st.fixed_dictionaries(
        {
            "double_q": st.booleans(),
            "dueling": st.booleans(),
            "td_error_loss_fn": st.sampled_from(["huber", "mse"]),
            "gamma": st.floats(0.5, 1.0),
            "tau": st.sampled_from([1.0, 0.1]),
            "grad_clip": st.sampled_from([None, 0.1, 40.0]),
            "grad_clip_by": st.sampled_from(["global_norm", "norm", "value"]),
        }
    ),
    rows=st.integers(1, 40),
    prioritized=st.booleans(),
    n_step=st.integers(1, 3),
)
def test_gradients_by_formula_are_stocks(model, options, rows, prioritized, n_step):
    """Whatever the layers and the settings."""
    stock, fast = pair(model, **options)
    assert fast._by_formula is not None
    theirs, ours = update_both(stock, fast, batch_of(ACTIONS, rows, prioritized, n_step=n_step))
    assert_same_results(theirs, ours)
    assert_same_learners(stock, fast)


def test_by_autograd_the_updates_are_the_same():
    fast, other = pair()[1], pair()[1]
    other._by_formula = None
    for number in range(4):
        batch = batch_of(ACTIONS, 32, prioritized=bool(number % 2))
        for learner in (fast, other):
            learner.update_from_replay(batch, {"num_env_steps_sampled_lifetime": 600 * number})
    assert_same_learners(other, fast)
