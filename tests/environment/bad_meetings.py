"""Environments with two agents that break a rule each."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from envs.meeting import Meeting


class Crashing(Meeting):
    """Raises by chance; `at_reset` always."""

    def __init__(self, p_crash: float = 0.1, at_reset: bool = False, **meeting: Any) -> None:
        super().__init__(**meeting)
        self.p_crash, self.at_reset = p_crash, at_reset

    def reset(self, **kwargs: Any) -> Any:
        if self.at_reset:
            raise RuntimeError
        return super().reset(**kwargs)

    def step(self, action_dict: Any) -> Any:
        if self.np_random.random() < self.p_crash:
            raise RuntimeError("the simulator crashed")
        return super().step(action_dict)


class NotFinite(Meeting):
    """`right` observes NaN at its 50th step."""

    steps = 0

    def step(self, action_dict: Any) -> Any:
        self.steps += 1
        step = super().step(action_dict)
        if self.steps == 50:
            step[0]["right"][0] = np.nan
        return step


class Unequal(Meeting):
    """`right` sees more."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_spaces["right"] = spaces.Box(0.0, 1.0, (2,), np.float32)


class Whole(Meeting):
    """Observes whole numbers, which a network cannot take as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_spaces = dict.fromkeys(self.possible_agents, spaces.Discrete(11))

    def _observe(self) -> Any:
        return dict.fromkeys(self.possible_agents, self._between)


class Nobody(Meeting):
    """Names no agents."""

    def __init__(self) -> None:
        super().__init__()
        self.possible_agents = []


class Leaving(Meeting):
    """Turns: `left` leaves after its second step, `right` after its third; nobody says `__all__`."""

    def step(self, action_dict: Any) -> Any:
        super().step(action_dict)
        gone = {"left": 2, "right": 3}
        here = [agent for agent in self.possible_agents if self._time <= gone[agent]]
        seen = self._observe()
        over = {agent: self._time == gone[agent] for agent in here}
        infos = {agent: {"success": agent == "left"} for agent in here if over[agent]}
        observations = {agent: seen[agent] for agent in here}
        return observations, dict.fromkeys(here, 1.0), over, {}, infos


gymnasium.register("Meeting-v0", entry_point=Meeting)
