from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from envs.testing import Corridor
from envs.wrappers import (
    ChannelsLast,
    LastAction,
    OneHotObservation,
    PartOfObservation,
    RepeatAction,
    ScaleReward,
)


def test_scale_reward() -> None:
    env = ScaleReward(Corridor(length=2), scale=10.0)
    env.reset()
    assert [env.step(1)[1] for _ in range(2)] == [-1.0, 10.0]


def test_repeat_action_adds_rewards_and_stops_at_the_end() -> None:
    env = RepeatAction(Corridor(length=5), times=3)
    env.reset()
    observation, reward, terminated, *_ = env.step(1)
    assert observation[0] == pytest.approx(0.6) and reward == pytest.approx(-0.3) and not terminated
    _, reward, terminated, *_ = env.step(1)
    assert reward == pytest.approx(-0.1 + 1.0) and terminated
    with pytest.raises(ValueError, match="at least 1"):
        RepeatAction(Corridor(), times=0)


def test_one_hot_observation_marks_the_tile() -> None:
    env = OneHotObservation(gymnasium.make("FrozenLake-v1", is_slippery=False))
    observation, _ = env.reset(seed=0)
    assert observation.dtype == np.float32 and observation.tolist() == [1.0] + [0.0] * 15
    assert int(np.argmax(env.step(2)[0])) == 1
    with pytest.raises(ValueError, match="must be Discrete"):
        OneHotObservation(gymnasium.make("CartPole-v1"))


def test_last_action_follows_the_observation() -> None:
    env = LastAction(Corridor(length=5))
    assert env.observation_space.shape == (4,)
    assert env.reset()[0][2:].tolist() == [0.0, 0.0]
    observation = env.step(1)[0]
    assert observation[0] == pytest.approx(0.2) and observation[2:].tolist() == [0.0, 1.0]
    observation = env.step(0)[0]
    assert observation[2:].tolist() == [1.0, 0.0] and env.observation_space.contains(observation)
    assert env.reset()[0][2:].tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="must be a flat Box"):
        LastAction(gymnasium.make("FrozenLake-v1"))
    with pytest.raises(ValueError, match="must be Discrete"):
        LastAction(gymnasium.make("Pendulum-v1"))


class Looking(gymnasium.Env):
    """Shows a picture with its channels first, and a number."""

    observation_space = gymnasium.spaces.Dict(
        picture=gymnasium.spaces.Box(0, 255, (3, 8, 6), np.uint8),
        speed=gymnasium.spaces.Box(-1, 1, (2,), np.float32),
    )
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        return self.observation_space.sample(), {}


def test_one_part_of_an_observation_stays() -> None:
    env = PartOfObservation(Looking(), "speed")
    assert env.observation_space.shape == (2,) and env.observation_space.contains(env.reset()[0])
    with pytest.raises(ValueError, match="key must be one of picture, speed, not 'sound'"):
        PartOfObservation(Looking(), "sound")
    with pytest.raises(ValueError, match="must be a Dict or a Tuple"):
        PartOfObservation(Corridor(), "speed")


def test_channels_are_moved_last() -> None:
    env = ChannelsLast(PartOfObservation(Looking(), "picture"))
    assert env.observation_space.shape == (8, 6, 3) and env.observation_space.contains(env.reset()[0])
    with pytest.raises(ValueError, match="three dimensions"):
        ChannelsLast(Corridor())
