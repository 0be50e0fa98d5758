from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from minigrid.core.constants import OBJECT_TO_IDX

from envs.minigrid import CHANNELS, minigrid_env
from envs.multiroom import MultiRoom


def test_view_is_one_hot_and_tells_the_direction() -> None:
    env = minigrid_env("MiniGrid-Empty-5x5-v0")
    observation, _ = env.reset(seed=0)
    cells = observation[:-4].reshape(7, 7, CHANNELS)
    assert np.all(cells.sum(-1) == 3) and observation[-4:].tolist() == [1, 0, 0, 0]
    raw = env.unwrapped.gen_obs()["image"]  # type: ignore[attr-defined]
    np.testing.assert_array_equal(cells[..., : len(OBJECT_TO_IDX)].argmax(-1), raw[..., 0])
    turned, *_ = env.step(1)
    assert turned[-4:].tolist() == [0, 1, 0, 0]


def test_picture_for_convolutions() -> None:
    env = minigrid_env("MiniGrid-Empty-5x5-v0", flat=False, direction=False, agent_view_size=5)
    assert env.observation_space.shape == (5, 5, CHANNELS) == env.reset(seed=0)[0].shape
    with pytest.raises(ValueError, match="direction needs flat"):
        minigrid_env("MiniGrid-Empty-5x5-v0", flat=False)


def test_action_subset_reaches_the_right_actions() -> None:
    env = minigrid_env("MiniGrid-Empty-5x5-v0", actions=["forward", "right"])
    env.reset(seed=0)
    assert env.action_space.n == 2  # type: ignore[attr-defined]
    info: dict[str, Any] = {}
    # Two cells on, turn, two cells down: the goal.
    for action in (0, 0, 1, 0, 0):
        _, reward, terminated, _, info = env.step(action)
    assert terminated and reward > 0.9 and info["success"] is True
    with pytest.raises(ValueError, match="must be some of left, right"):
        minigrid_env(actions=["fly"])


def test_multiroom_has_the_rooms_of_its_task() -> None:
    env = MultiRoom(rooms=2, max_room=4)
    assert env.action_space.n == 4 and env.observation_space.shape == (980,)  # type: ignore[attr-defined]
    env.reset(seed=0)
    base = env.unwrapped
    assert len(base.rooms) == 2 and base.max_steps == 40  # type: ignore[attr-defined]
    env.set_task({"rooms": 4})
    assert len(base.rooms) == 2  # type: ignore[attr-defined]
    env.reset()
    assert len(base.rooms) == 4 and base.max_steps == 80  # type: ignore[attr-defined]
    assert all(max(room.size) <= 4 for room in base.rooms)  # type: ignore[attr-defined]
    assert env.get_task() == {"rooms": 4, "max_room": 4}


def test_multiroom_is_truncated_after_twenty_steps_a_room() -> None:
    env = MultiRoom(rooms=1)
    env.reset(seed=0)
    for step in range(1, 21):
        _, _, terminated, truncated, info = env.step(0)
        assert (terminated, truncated) == (False, step == 20)
    assert info["success"] is False


@pytest.mark.parametrize("task", [{"rooms": 0}, {"rooms": 99}, {"max_room": 3}, {"doors": 2}, {"rooms": 2.5}])
def test_multiroom_refuses_impossible_tasks(task: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="rooms|max_room"):
        MultiRoom().set_task(task)


def test_most_rooms_can_be_built() -> None:
    env = MultiRoom(rooms=8, max_room=10)
    for seed in range(3):
        env.reset(seed=seed)
        assert len(env.unwrapped.rooms) == 8  # type: ignore[attr-defined]
