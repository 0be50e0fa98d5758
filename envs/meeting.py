"""Two agents that are to meet: an example of an environment with several agents, for which one policy acts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from ray.rllib.env.multi_agent_env import MultiAgentEnv

from rlexp.environment.multi_agent_wrapper import MultiAgentStep, Observations

AGENTS = ("left", "right")
LONGEST = 10
"""Most cells between the two."""


class Meeting(MultiAgentEnv):
    """Two agents on a line; an episode ends where they meet, and is truncated after 20 steps.

    Each observes the cells between them, from 0 to 1 (float32 of shape (1,)). Action 1 goes a cell towards the other, 0
    stands still. Each step costs either agent 0.1, and `left` gets 1 when they meet. The last info of `left` says
    `success`.

    Args:
        distance: cells between them at first, 1 to 10; a task may say it.
    """

    def __init__(self, distance: int = 4) -> None:
        super().__init__()
        self.agents = self.possible_agents = list(AGENTS)
        self.observation_spaces = {agent: spaces.Box(0.0, 1.0, (1,), np.float32) for agent in AGENTS}
        self.action_spaces = {agent: spaces.Discrete(2) for agent in AGENTS}
        self.distance = distance
        self._between = self._time = 0

    def set_task(self, task: Mapping[str, int]) -> None:
        """Changes `distance` from the next reset on."""
        self.distance = task["distance"]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[Any, dict[str, Any]]]:
        """Puts them `distance` cells apart; `options` may say another one, for one episode."""
        super().reset(seed=seed)
        self._between, self._time = (options or {}).get("distance", self.distance), 0
        return self._observe(), {agent: {} for agent in AGENTS}

    def step(self, action_dict: dict[Any, int]) -> MultiAgentStep:
        """Both move at once."""
        self._time += 1
        self._between = max(0, self._between - sum(map(int, action_dict.values())))
        met, late = self._between == 0, self._time >= 20
        infos: dict[Any, dict[str, Any]] = {agent: {} for agent in AGENTS}
        if met or late:
            infos["left"]["success"] = met
        rewards = {"left": float(met) - 0.1, "right": -0.1}
        return self._observe(), rewards, {"__all__": met}, {"__all__": late and not met}, infos

    def _observe(self) -> Observations:
        return {agent: np.array([self._between / LONGEST], np.float32) for agent in AGENTS}
