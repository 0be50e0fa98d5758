"""Model choices build the networks they say, and train."""

import gymnasium as gym
import numpy as np
import pytest
from model_building import OFF_POLICY, ON_POLICY, TRUSTED, Picture, config_class, configure

from rlexp.base.errors import ConfigError
from rlexp.config.schema import ModelChoice
from rlexp.models.module_spec import rl_module_settings

VECTOR = gym.spaces.Box(-1, 1, (4,), np.float32)
GRID = gym.spaces.Box(0, 255, (7, 7, 3), np.uint8)
SCREEN = gym.spaces.Box(0, 255, (84, 84, 4), np.uint8)
CHOICES = gym.spaces.Discrete(2)
TORQUES = gym.spaces.Box(-1, 1, (2,))


def model(**settings):
    return ModelChoice(settings=settings)


def network(name, space=VECTOR, actions=CHOICES, size="normal", **settings):
    """The learner's module of an algorithm for these spaces, built but not trained."""
    config = config_class(name)()
    built = rl_module_settings(
        ModelChoice(size=size, settings=settings), TRUSTED, space, actions, type(config)
    )
    built.pop("env_to_module_connector", None)
    spec = config.rl_module(**built).get_multi_rl_module_spec(spaces={"default_policy": (space, actions)})
    return spec.build()["default_policy"]


def shapes(module):
    return [tuple(p.shape) for p in module.parameters() if p.dim() > 1]


def parameters(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("name", "actions", "first"),
    [
        ("ppo.PPO", CHOICES, (64, 4)),
        ("impala.IMPALA", CHOICES, (64, 4)),
        ("marwil.MARWIL", CHOICES, (64, 4)),
        ("bc.BC", CHOICES, (64, 4)),
        ("dqn.DQN", CHOICES, (128, 4)),
        ("sac.SAC", gym.spaces.Box(-1, 1, (2,)), (256, 4)),
        ("tqc.TQC", gym.spaces.Box(-1, 1, (2,)), (256, 4)),
        ("iql.IQL", gym.spaces.Box(-1, 1, (2,)), (256, 4)),
    ],
)
def test_auto_chooses_the_layers(name, actions, first):
    assert first in shapes(network(name, actions=actions))


@pytest.mark.parametrize("space", [VECTOR, GRID, SCREEN], ids=["vector", "grid", "screen"])
@pytest.mark.parametrize(
    ("name", "actions"),
    [
        *((name, CHOICES) for name in ("ppo.PPO", "impala.IMPALA", "bc.BC", "dqn.DQN", "sac.SAC")),
        *((name, TORQUES) for name in ("ppo.PPO", "sac.SAC", "tqc.TQC", "cql.CQL", "iql.IQL")),
    ],
)
def test_tiny_is_small(name, actions, space):
    tiny, normal = (parameters(network(name, space, actions, size)) for size in ("tiny", "normal"))
    assert tiny < 15_000 and tiny < normal / 8


def test_tiny_leaves_alone_what_is_given():
    module = network("ppo.PPO", size="tiny", fcnet_hiddens=[40], use_lstm=True)
    assert (40, 4) in shapes(module) and (4 * 16, 40) in shapes(module)


@pytest.mark.parametrize("name", ["ppo.PPO", "appo.APPO", "impala.IMPALA", "marwil.MARWIL"])
def test_sharing_layers_halves_the_encoders(name):
    apart, shared = (shapes(network(name, vf_share_layers=share)).count((64, 4)) for share in (False, True))
    assert apart == 2 * shared


def test_settings_reach_the_network():
    module = network("ppo.PPO", fcnet_hiddens=[7, 9], head_fcnet_hiddens=[5], fcnet_activation="relu")
    assert {(7, 4), (9, 7), (5, 9)} <= set(shapes(module))
    assert "ReLU" in str(module) and "Tanh" not in str(module)


def test_initializer_reaches_the_network():
    module = network(
        "ppo.PPO", fcnet_bias_initializer="constant_", fcnet_bias_initializer_kwargs={"val": 0.25}
    )
    assert all(
        (p == 0.25).all() for n, p in module.named_parameters() if n.endswith("bias") and "encoder" in n
    )


def test_fusion_layers_reach_the_critic():
    actions = gym.spaces.Box(-1, 1, (2,))
    assert (33, 512) in shapes(network("sac.SAC", actions=actions, fusionnet_hiddens=[33]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "env", "settings", "training"),
    [
        ("ppo.PPO", "FrozenLake-v1", {}, ON_POLICY),
        ("ppo.PPO", Picture, {"vf_share_layers": True}, ON_POLICY),
        pytest.param(
            "ppo.PPO", Picture, {"use_lstm": True, "max_seq_len": 5}, ON_POLICY, marks=pytest.mark.landing
        ),
        ("ppo.PPO", "CartPole-v1", {"use_lstm": True, "lstm_use_prev_action": True}, ON_POLICY),
        (
            "ppo.PPO",
            "Pendulum-v1",
            {"use_lstm": True, "lstm_use_prev_action": True, "lstm_use_prev_reward": True},
            ON_POLICY,
        ),
        pytest.param("dqn.DQN", Picture, {}, OFF_POLICY, marks=pytest.mark.landing),
        ("dqn.DQN", "FrozenLake-v1", {}, OFF_POLICY),
        pytest.param("sac.SAC", "CartPole-v1", {}, OFF_POLICY, marks=pytest.mark.landing),
        ("sac.SAC", "Pendulum-v1", {"fusionnet_hiddens": [16]}, OFF_POLICY),
        pytest.param("tqc.TQC", "Pendulum-v1", {}, OFF_POLICY, marks=pytest.mark.landing),
    ],
)
def test_trains(name, env, settings, training):
    algorithm = configure(name, env, model(**settings), envs=2, **training).build_algo()
    try:
        before = [p.copy() for p in algorithm.get_weights()["default_policy"].values()]
        for _ in range(3):
            algorithm.train()
        after = algorithm.get_weights()["default_policy"].values()
        assert any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    finally:
        algorithm.stop()


def test_previous_action_and_reward_are_seen():
    settings = model(use_lstm=True, lstm_use_prev_action=True, lstm_use_prev_reward=True)
    algorithm = configure("ppo.PPO", "CartPole-v1", settings, **ON_POLICY).build_algo()
    try:
        episode = algorithm.env_runner.sample(num_episodes=1, explore=True)[0]
        seen, actions = episode.get_observations(), episode.get_actions()
        assert seen.shape[1] == 4 + 2 + 1
        assert not seen[0, 4:].any()
        assert np.array_equal(seen[1:, 4:6].argmax(1), actions) and (seen[1:, 6] == 1.0).all()
    finally:
        algorithm.stop()


def test_bytes_are_scaled():
    algorithm = configure("ppo.PPO", Picture, **ON_POLICY).build_algo()
    try:
        seen = algorithm.env_runner.sample(num_timesteps=20, explore=True)[0].get_observations()
        assert seen.dtype == np.float32 and 0.9 < seen.max() <= 1.0
    finally:
        algorithm.stop()


def test_custom_module_trains_with_its_config():
    choice = ModelChoice(
        module_class="rlexp.models.separate.SeparateActorCritic", module_config={"hiddens": [11]}
    )
    algorithm = configure("ppo.PPO", "CartPole-v1", choice, **ON_POLICY).build_algo()
    try:
        assert (11, 4) in shapes(algorithm.get_module())
        algorithm.train()
    finally:
        algorithm.stop()


@pytest.mark.parametrize(
    ("path", "algorithm", "said"),
    [
        ("rlexp.models.separate.SeparateActorCritic", "dqn.DQN", "QNetAPI"),
        ("rlexp.models.conv_filters.default_filters", "ppo.PPO", "no RLModule"),
        ("os.system", "ppo.PPO", "refused"),
    ],
)
def test_custom_module_that_cannot_be_used(path, algorithm, said):
    with pytest.raises(ConfigError, match=said):
        rl_module_settings(ModelChoice(module_class=path), TRUSTED, VECTOR, CHOICES, config_class(algorithm))


def test_connector_factory_travels_between_processes():
    import cloudpickle

    built = rl_module_settings(model(), TRUSTED, gym.spaces.Discrete(4), CHOICES, config_class("ppo.PPO"))
    pieces = cloudpickle.loads(cloudpickle.dumps(built["env_to_module_connector"]))(None, None, None)
    assert [type(piece).__name__ for piece in pieces] == ["FlattenObservations"]
