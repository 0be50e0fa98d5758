"""The quick view equals MiniGrid's own, cell by cell."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minigrid.minigrid_env import MiniGridEnv

from envs.minigrid import minigrid_env
from envs.minigrid_view import quicken

IDS = [
    "MiniGrid-DoorKey-5x5-v0",
    "MiniGrid-MultiRoom-N6-v0",
    "MiniGrid-LavaCrossingS9N2-v0",
    "MiniGrid-KeyCorridorS3R3-v0",
    "MiniGrid-Dynamic-Obstacles-6x6-v0",
    "MiniGrid-ObstructedMaze-1Dlhb-v0",
    "MiniGrid-Playground-v0",
    "BabyAI-GoToObj-v0",
]


def _same(base: Any) -> bool:
    """Of the same moment: MiniGrid's observation and ours."""
    ours, theirs = base.gen_obs(), MiniGridEnv.gen_obs(base)
    np.testing.assert_array_equal(ours["image"], theirs["image"])
    assert ours["image"].dtype == theirs["image"].dtype and ours["image"].flags.writeable
    return bool(ours["direction"] == theirs["direction"] and ours["mission"] == theirs["mission"])


@settings(max_examples=60, deadline=None)
@given(
    id=st.sampled_from(IDS),
    seed=st.integers(0, 10_000),
    size=st.sampled_from([3, 5, 7, 9]),
    through=st.booleans(),
    actions=st.lists(st.integers(0, 6), min_size=1, max_size=60),
)
def test_the_same_view_at_every_step(
    id: str, seed: int, size: int, through: bool, actions: list[int]
) -> None:
    env = gymnasium.make(id, disable_env_checker=True, agent_view_size=size)
    base: Any = env.unwrapped
    quicken(base)
    base.see_through_walls = through
    env.reset(seed=seed)
    assert _same(base)
    for action in actions:
        *_, terminated, truncated, _ = env.step(action % env.action_space.n)  # type: ignore[attr-defined]
        assert _same(base)
        if terminated or truncated:
            env.reset()


def test_it_is_used_and_copied_with_its_environment() -> None:
    env = minigrid_env()
    env.reset(seed=0)
    other = copy.deepcopy(env)
    assert "gen_obs" in vars(env.unwrapped)
    other.step(1)
    assert other.unwrapped.gen_obs()["direction"] != env.unwrapped.gen_obs()["direction"]  # type: ignore[attr-defined]


def test_an_environment_with_a_view_of_its_own_keeps_it() -> None:
    class Own(MiniGridEnv):
        def gen_obs(self) -> dict[str, Any]:
            return {"image": "own"}

    base = Own.__new__(Own)
    quicken(base)
    assert "gen_obs" not in vars(base)


@pytest.mark.parametrize("id", IDS[:2])
def test_the_views_stay_as_they_were_told(id: str) -> None:
    """An observation is not written to by later steps."""
    env = minigrid_env(id)
    first, _ = env.reset(seed=0)
    before = first.copy()
    for _ in range(5):
        env.step(1)
    np.testing.assert_array_equal(first, before)
