from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from envs.testing import Corridor
from envs.wrappers import OneHotObservation, RepeatAction, ScaleReward


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
