"""An environment with two agents, one of which is odd in one way, and what a person should get of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from envs.meeting import AGENTS, Meeting

AT_STEP = 25
CELL = np.array([0.5], np.float32)
OBSERVATION, REWARD, TERMINATED, TRUNCATED, INFO = range(5)
ALL = "__all__"
DISCRETE = spaces.Discrete(11)

TAKEN: dict[str, dict[int, Any]] = {
    "nothing": {},
    "reward array of one": {REWARD: {"right": np.array([-0.1])}},
    "reward scalar array": {REWARD: {"right": np.array(-0.1)}},
    "done as 0": {TERMINATED: {"right": 0}},
    "info of any object": {INFO: {"right": {1: object(), "a": 2**70}}},
}
WARNED: dict[str, tuple[dict[int, Any], str]] = {
    "done as an array": (
        {TERMINATED: {"right": np.array([False])}},
        "array([False]) as terminated: taken as",
    ),
    "all done as an array": (
        {TRUNCATED: {ALL: np.array([False])}},
        "as truncateds['__all__']: taken as False",
    ),
    "no info": ({INFO: {"right": None}}, "None as info: taken as an empty dict"),
    "rounding": ({OBSERVATION: {"right": CELL * np.float32(2.000001)}}, "obs[0] = 1.0000004"),
    "integers": ({OBSERVATION: {"right": np.array([1])}}, "an array of int64 as obs: taken as float32"),
    "discrete array": ({OBSERVATION: {"right": np.array([3])}}, "array([3]) as obs: taken as 3"),
    "discrete float": ({OBSERVATION: {"right": 3.0}}, "3.0 as obs: taken as 3"),
}
REFUSED: dict[str, tuple[dict[int, Any], str]] = {
    "no reward": ({REWARD: {"right": None}}, "None as reward at its step 25"),
    "reward as text": ({REWARD: {"right": "1"}}, "'1' as reward at its step 25"),
    "two rewards": ({REWARD: {"right": np.ones(2)}}, "array([1., 1.]) as reward at its step 25"),
    "done as text": ({TERMINATED: {"right": "True"}}, "'True' as terminated at its step 25"),
    "done as a dict": ({TRUNCATED: {"right": {}}}, "{} as truncated at its step 25"),
    "no observation": ({OBSERVATION: {"right": None}}, "None as obs at its step 25"),
    "another shape": ({OBSERVATION: {"right": np.zeros(4)}}, "of shape (4,), not (1,), at its step 25"),
    "discrete half": ({OBSERVATION: {"right": 2.5}}, "2.5 as obs, not one of Discrete(11) at its step 25"),
}
REFUSED_AS_A_WHOLE: dict[str, tuple[dict[int, Any], str]] = {
    "one reward for all": ({REWARD: 1.0}, "1.0 as rewards, not a dict by agent, at its step 25"),
    "no rewards": ({REWARD: None}, "None as rewards, not a dict by agent"),
    "one end for all": ({TERMINATED: False}, "False as terminateds, not a dict by agent"),
    "a list of observations": ({OBSERVATION: [CELL, CELL]}, "as observations, not a dict by agent"),
    "a stranger's reward": ({REWARD: {"up": 1.0}}, "a reward of the agent 'up', which is not among"),
    "a stranger's observation": ({OBSERVATION: {"up": CELL}}, "an observation of the agent 'up'"),
    "all done as text": ({TERMINATED: {ALL: "no"}}, "'no' as terminateds['__all__'] at its step 25"),
}


class OddMeeting(Meeting):
    """At step 25 of its life, and each time from then on, its kind's entries stand in what `step` returns."""

    def __init__(self, kind: str) -> None:
        super().__init__(distance=10)
        odd = WARNED.get(kind) or REFUSED.get(kind) or REFUSED_AS_A_WHOLE.get(kind)
        self._does = odd[0] if odd else TAKEN[kind]
        self._discrete = kind.startswith("discrete")
        if self._discrete:
            self.observation_spaces = dict.fromkeys(AGENTS, DISCRETE)
        self.total = 0

    def step(self, action_dict: dict[Any, int]) -> Any:
        """See above."""
        result: list[Any] = list(super().step(action_dict))
        self.total += 1
        for position, odd in self._does.items() if self.total >= AT_STEP else ():
            result[position] = {**result[position], **odd} if isinstance(odd, dict) else odd
        return tuple(result)

    def _observe(self) -> Any:
        return dict.fromkeys(self.possible_agents, self._between) if self._discrete else super()._observe()


class FromOne(Meeting):
    """Observes 1 to 11, the cells between them and one more; the actions are 1, which stands still, and 2."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_spaces = dict.fromkeys(AGENTS, spaces.Discrete(11, start=1))
        self.action_spaces = dict.fromkeys(AGENTS, spaces.Discrete(2, start=1))

    def step(self, action_dict: dict[Any, int]) -> Any:
        """See above."""
        assert set(action_dict.values()) <= {1, 2}
        return super().step({agent: action - 1 for agent, action in action_dict.items()})

    def _observe(self) -> Any:
        return dict.fromkeys(self.possible_agents, self._between + 1)
