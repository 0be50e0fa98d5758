"""RLlib's default networks in numpy: the same numbers as torch's, and the same distributions."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from ray.rllib.core.columns import Columns
from scipy import stats

BOX = gym.spaces.Box(-1.0, 1.0, (5,), np.float32)
DISCRETE = gym.spaces.Discrete(3)
CONTINUOUS = gym.spaces.Box(-2.0, 2.0, (2,), np.float32)


def module_of(algorithm, action_space, **model):
    from ray.rllib.algorithms import appo, dqn, ppo, sac

    config = {"ppo": ppo.PPOConfig, "dqn": dqn.DQNConfig, "sac": sac.SACConfig, "appo": appo.APPOConfig}[
        algorithm
    ]()
    config.environment(observation_space=BOX, action_space=action_space)
    config.rl_module(model_config={"fcnet_hiddens": [8, 8], **model})
    spec = config.get_rl_module_spec(spaces={"default_policy": (BOX, action_space)}, inference_only=True)
    torch.manual_seed(3)
    module = spec.build()
    with torch.no_grad():  # Away from zero biases and tiny heads.
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return module


def actor_of(module, num_envs=4, seed=0):
    from rlexp.engine.acting.numpy_actors import numpy_actor

    actor = numpy_actor(module, num_envs, seed)
    assert actor is not None
    return actor


def observations(rows=4):
    return np.random.default_rng(1).normal(size=(rows, 5)).astype(np.float32)


KINDS = [
    ("ppo", DISCRETE, {}),
    ("ppo", DISCRETE, {"vf_share_layers": False, "fcnet_activation": "relu"}),
    ("ppo", CONTINUOUS, {"fcnet_activation": "silu"}),
    ("ppo", CONTINUOUS, {"fcnet_activation": "elu", "head_fcnet_hiddens": [4]}),
    ("ppo", CONTINUOUS, {"free_log_std": True}),
    ("appo", DISCRETE, {}),
    ("sac", CONTINUOUS, {}),
]


@pytest.mark.parametrize(("algorithm", "space", "model"), KINDS)
def test_the_network_gives_what_torch_gives(algorithm, space, model):
    module = module_of(algorithm, space, **model)
    batch = {Columns.OBS: torch.from_numpy(observations())}
    with torch.no_grad():
        expected = module.forward_exploration(batch)[Columns.ACTION_DIST_INPUTS].numpy()
    np.testing.assert_allclose(actor_of(module)._forward(observations()), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", [{}, {"dueling": False}])
def test_a_q_network_gives_what_torch_gives(model):
    module = module_of("dqn", DISCRETE, **model)
    with torch.no_grad():
        expected = module.compute_q_values({Columns.OBS: torch.from_numpy(observations())})[
            "qf_preds"
        ].numpy()
    np.testing.assert_allclose(actor_of(module)._forward(observations()), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("algorithm", "space", "model"), KINDS[:6])
def test_log_probabilities_are_those_of_rllibs_distribution(algorithm, space, model):
    module = module_of(algorithm, space, **model)
    choice = actor_of(module).act(observations(), None, True, 0)
    inputs = torch.from_numpy(choice.outputs[Columns.ACTION_DIST_INPUTS])
    distribution = module.get_exploration_action_dist_cls().from_logits(inputs)
    expected = distribution.logp(torch.from_numpy(choice.actions)).numpy()
    np.testing.assert_allclose(choice.outputs[Columns.ACTION_LOGP], expected, rtol=1e-4, atol=1e-5)


def drawn(module, rows=1, times=4000, explore=True):
    actor, seen = actor_of(module, rows), observations(rows)
    return np.array([actor.act(seen, None, explore, 0).actions for _ in range(times)])


def test_categorical_actions_have_the_networks_frequencies():
    module = module_of("ppo", DISCRETE)
    counts = np.bincount(drawn(module)[:, 0], minlength=3)
    logits = actor_of(module)._forward(observations(1))[0].astype(np.float64)
    expected = np.exp(logits) / np.exp(logits).sum() * counts.sum()
    assert stats.chisquare(counts, expected).pvalue > 1e-4


@pytest.mark.parametrize("algorithm", ["ppo", "sac"])
def test_continuous_actions_have_the_networks_distribution(algorithm):
    module = module_of(algorithm, CONTINUOUS)
    actions = drawn(module)[:, 0]
    batch = {Columns.OBS: torch.from_numpy(observations(1))}
    with torch.no_grad():
        inputs = module.forward_exploration(batch)[Columns.ACTION_DIST_INPUTS]
        distribution = module.get_exploration_action_dist_cls().from_logits(inputs)
        theirs = distribution.sample(sample_shape=torch.Size([4000]))[:, 0].numpy()
    for dimension in range(2):
        assert stats.ks_2samp(actions[:, dimension], theirs[:, dimension]).pvalue > 1e-4


def test_epsilon_greedy_explores_as_often_as_epsilon_says():
    module = module_of("dqn", DISCRETE, epsilon=[(0, 0.3), (10, 0.3)])
    actions = drawn(module)[:, 0]
    best = int(actor_of(module)._forward(observations(1)).argmax())
    counts = np.bincount(actions, minlength=3)
    expected = np.full(3, 0.1 * len(actions))
    expected[best] = 0.8 * len(actions)
    assert stats.chisquare(counts, expected).pvalue > 1e-4


@pytest.mark.parametrize(("algorithm", "space", "model"), KINDS)
def test_without_exploration_as_rllib_acts(algorithm, space, model):
    module = module_of(algorithm, space, **model)
    choice = actor_of(module).act(observations(), None, False, 0)
    with torch.no_grad():
        inputs = module.forward_inference({Columns.OBS: torch.from_numpy(observations())})
        distribution = module.get_inference_action_dist_cls().from_logits(inputs[Columns.ACTION_DIST_INPUTS])
        expected = distribution.to_deterministic().sample().numpy()
    np.testing.assert_allclose(choice.actions, expected, rtol=1e-4, atol=1e-5)


def test_weights_changed_in_place_or_moved_are_seen():
    module = module_of("ppo", DISCRETE)
    actor, before = actor_of(module), None
    for change in (lambda p: p.add_(0.1), lambda p: p.set_(p.detach().clone() * 2)):
        before = actor._forward(observations())
        with torch.no_grad():
            for parameter in module.parameters():
                change(parameter)
        actor.refresh()
        with torch.no_grad():
            now = module.forward_exploration({Columns.OBS: torch.from_numpy(observations())})
        after = actor._forward(observations())
        np.testing.assert_allclose(after, now[Columns.ACTION_DIST_INPUTS].numpy(), rtol=1e-4, atol=1e-5)
        assert not np.allclose(before, after)


@pytest.mark.parametrize(
    ("algorithm", "model"),
    [("ppo", {"use_lstm": True}), ("dqn", {"num_atoms": 5}), ("sac", {"fcnet_activation": "GELU"})],
)
def test_what_numpy_does_not_know_is_left_to_torch(algorithm, model):
    from rlexp.engine.acting.numpy_actors import MOST_ROWS, numpy_actor

    space = CONTINUOUS if algorithm == "sac" else DISCRETE
    assert numpy_actor(module_of(algorithm, space, **model), 4, 0) is None
    assert numpy_actor(module_of("sac", CONTINUOUS), MOST_ROWS + 1, 0) is None
