"""Models that do not fit the observation, and settings without effect, are refused with what to write."""

import gymnasium as gym
import numpy as np
import pytest

from rlexp.base.errors import ConfigError, ConfigErrors
from rlexp.config.schema import ModelChoice
from rlexp.models.observation_fit import check_fit

VECTOR = gym.spaces.Box(-1, 1, (4,), np.float32)
IMAGE = gym.spaces.Box(0, 255, (84, 84, 3), np.uint8)
CONTINUOUS = gym.spaces.Box(-1, 1, (2,), np.float32)
CHOICES = gym.spaces.Discrete(3)
RLLIB = "ray.rllib.algorithms"
PPO, DQN, SAC = f"{RLLIB}.ppo.PPOConfig", f"{RLLIB}.dqn.DQNConfig", f"{RLLIB}.sac.SACConfig"
IMPALA, TQC, BC = f"{RLLIB}.impala.IMPALAConfig", f"{RLLIB}.tqc.TQCConfig", f"{RLLIB}.bc.BCConfig"
DREAMER = f"{RLLIB}.dreamerv3.DreamerV3Config"


@pytest.mark.parametrize(
    ("observation", "space", "fix"),
    [
        ("image", VECTOR, "model=mlp"),
        ("image", gym.spaces.Discrete(16), "model=mlp"),
        ("vector", IMAGE, "model=cnn"),
        ("any", gym.spaces.Box(-1, 1, (4, 5)), "FlattenObservation"),
        ("any", gym.spaces.Dict(a=VECTOR, b=VECTOR), "FlattenObservation"),
        ("any", gym.spaces.Tuple([VECTOR, gym.spaces.Discrete(2)]), "FlattenObservation"),
        ("any", gym.spaces.Sequence(VECTOR), "one array"),
        ("any", gym.spaces.Box(0, 255, (3, 84, 84), np.uint8), "envs.wrappers.ChannelsLast"),
        ("any", gym.spaces.Box(0, 255, (84, 84), np.uint8), "ReshapeObservation, shape: [84, 84, 1]"),
        ("any", gym.spaces.Dict(a=VECTOR, eye=IMAGE), "PartOfObservation, key: eye"),
        ("any", gym.spaces.Tuple([VECTOR, IMAGE]), "PartOfObservation, key: 1"),
    ],
)
def test_observation_that_does_not_fit(observation, space, fix):
    with pytest.raises(ConfigError) as caught:
        check_fit(ModelChoice(observation=observation), space, PPO)
    assert fix in caught.value.fix and caught.value.key


@pytest.mark.parametrize(
    "space", [gym.spaces.Dict(a=VECTOR, eye=IMAGE), gym.spaces.Box(0, 255, (84, 84), np.uint8), IMAGE]
)
def test_bytes_of_a_picture_are_never_flattened(space):
    """Beside numbers, or into layers for vectors, 0 to 255 would be all that the network sees."""
    with pytest.raises(ConfigError) as caught:
        check_fit(ModelChoice(observation="vector"), space, PPO)
    assert "Flatten" not in caught.value.fix


@pytest.mark.parametrize("space", [VECTOR, IMAGE, gym.spaces.Discrete(5), gym.spaces.MultiDiscrete([2, 3])])
@pytest.mark.parametrize("algorithm", [PPO, DQN, SAC, IMPALA])
def test_auto_takes_what_the_default_networks_take(space, algorithm):
    check_fit(ModelChoice(), space, algorithm)


def test_dreamer_takes_one_size_of_image():
    check_fit(ModelChoice(), gym.spaces.Box(0, 255, (64, 64, 3), np.uint8), DREAMER, CHOICES)
    with pytest.raises(ConfigError, match="64x64"):
        check_fit(ModelChoice(), IMAGE, DREAMER, CHOICES)


@pytest.mark.parametrize(
    ("algorithm", "space", "actions", "settings", "key"),
    [
        (PPO, VECTOR, CHOICES, {"lstm_cell_size": 64}, "model.lstm_cell_size"),
        (PPO, VECTOR, CHOICES, {"max_seq_len": 64}, "model.max_seq_len"),
        (SAC, VECTOR, CONTINUOUS, {"vf_share_layers": True}, "model.vf_share_layers"),
        (DQN, VECTOR, CHOICES, {"vf_share_layers": False}, "model.vf_share_layers"),
        (BC, VECTOR, CHOICES, {"vf_share_layers": True}, "model.vf_share_layers"),
        (SAC, VECTOR, CONTINUOUS, {"use_lstm": True}, "model.use_lstm"),
        (DQN, VECTOR, CHOICES, {"use_lstm": True}, "model.use_lstm"),
        (PPO, VECTOR, CHOICES, {"conv_filters": [[16, 4, 2]]}, "model.conv_filters"),
        (PPO, VECTOR, CHOICES, {"conv_activation": "relu"}, "model.conv_activation"),
        (PPO, IMAGE, CHOICES, {"fcnet_hiddens": [32]}, "model.fcnet_hiddens"),
        (PPO, VECTOR, CHOICES, {"fusionnet_hiddens": [32]}, "model.fusionnet_hiddens"),
        (SAC, VECTOR, CHOICES, {"fusionnet_hiddens": [32]}, "model.fusionnet_hiddens"),
        (PPO, VECTOR, CHOICES, {"free_log_std": True}, "model.free_log_std"),
        (SAC, VECTOR, CONTINUOUS, {"free_log_std": True}, "model.free_log_std"),
        (SAC, VECTOR, CONTINUOUS, {"log_std_clip_param": 2.0}, "model.log_std_clip_param"),
        (PPO, VECTOR, CHOICES, {"head_fcnet_activation": "tanh"}, "model.head_fcnet_activation"),
        (
            PPO,
            VECTOR,
            CHOICES,
            {"head_fcnet_kernel_initializer": "zeros_"},
            "model.head_fcnet_kernel_initializer",
        ),
        (
            PPO,
            VECTOR,
            CHOICES,
            {"fcnet_kernel_initializer_kwargs": {"gain": 2}},
            "model.fcnet_kernel_initializer_kwargs",
        ),
        (DREAMER, VECTOR, CHOICES, {"fcnet_hiddens": [32]}, "model.fcnet_hiddens"),
        (PPO, VECTOR, CHOICES, {"fcnet_hiddens": [0]}, "model.fcnet_hiddens"),
        (PPO, VECTOR, CHOICES, {"fcnet_hiddens": []}, "model.fcnet_hiddens"),
        (PPO, VECTOR, CHOICES, {"fcnet_activation": "rule"}, "model.fcnet_activation"),
        (PPO, IMAGE, CHOICES, {"use_lstm": True, "lstm_use_prev_action": True}, "model.lstm_use_prev_action"),
        (
            PPO,
            gym.spaces.Box(0, 1, (5, 5, 1)),
            CHOICES,
            {"conv_filters": [[8, 6, 1, "valid"]]},
            "model.conv_filters",
        ),
    ],
)
def test_setting_without_effect_is_refused(algorithm, space, actions, settings, key):
    with pytest.raises(ConfigError) as caught:
        check_fit(ModelChoice(settings=settings), space, algorithm, actions)
    assert caught.value.key == key and key in str(caught.value)


def test_null_settings_say_nothing():
    check_fit(ModelChoice(settings={"vf_share_layers": None, "conv_filters": None}), VECTOR, SAC, CONTINUOUS)


def test_all_faults_are_told_at_once():
    settings = {"vf_share_layers": True, "max_seq_len": 3}
    with pytest.raises(ConfigErrors) as caught:
        check_fit(ModelChoice(settings=settings), VECTOR, SAC, CONTINUOUS)
    assert {error.key for error in caught.value.errors} == {"model.vf_share_layers", "model.max_seq_len"}


def test_settings_beside_a_module_class():
    model = ModelChoice(
        module_class="rlexp.models.separate.SeparateActorCritic", settings={"fcnet_hiddens": [8]}
    )
    with pytest.raises(ConfigError) as caught:
        check_fit(model, VECTOR, PPO, CHOICES)
    assert caught.value.key == "model.fcnet_hiddens" and "module_config" in caught.value.fix


def test_module_config_without_a_module_class():
    with pytest.raises(ConfigError, match="module_config"):
        check_fit(ModelChoice(module_config={"hiddens": [8]}), VECTOR, PPO, CHOICES)
