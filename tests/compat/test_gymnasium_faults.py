"""Stock Gymnasium still does what the patches put right: where one of these fails, its row can go."""

from __future__ import annotations

import gymnasium as gym
import pytest


class Mood(gym.Env):
    """Its infos are a number in one copy and a text in the other."""

    observation_space = action_space = gym.spaces.Discrete(2)

    def __init__(self, mood: object) -> None:
        self._mood = mood

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[int, dict]:
        return 0, {"mood": self._mood}


def test_infos_of_different_types_end_a_vectors_step() -> None:
    vector = gym.vector.SyncVectorEnv([lambda: Mood(1), lambda: Mood("fine")])
    with pytest.raises((TypeError, ValueError)):
        vector.reset()
