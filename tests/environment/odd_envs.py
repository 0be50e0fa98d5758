"""Environments with one oddity each, and what a person should get of it."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

ONE = np.ones(3, np.float32)

SPACES: dict[str, spaces.Space] = {
    "discrete": spaces.Discrete(12),
    "start": spaces.Discrete(5, start=-2),
    "nested": spaces.Dict({"n": spaces.Discrete(12), "x": spaces.Box(-1, 1, (3,), np.float32)}),
    "half": spaces.Box(-1, 1, (3,), np.float16),
    "double": spaces.Box(-1, 1, (3,), np.float64),
    "pixels": spaces.Box(0, 255, (3,), np.uint8),
    "scalar": spaces.Box(-1, 1, (), np.float32),
    "plane": spaces.Box(-1, 1, (2, 3), np.float32),
    "bits": spaces.MultiBinary(4),
    "multi": spaces.MultiDiscrete([3, 4], start=[1, -1]),
    "multi_plane": spaces.MultiDiscrete([[3, 4], [2, 5]]),
}
"""Observation spaces by the first word of a kind; else three float32 from -1 to 1."""

TRAINS = {
    **{f"{name} plain": {} for name in SPACES},
    "plain": {},
    "reward array of one": {"reward": np.array([1.0])},
    "reward scalar array": {"reward": np.array(1.0)},
    "done as 0": {"ended": 0},
    "info with numbers as keys": {"info": {1: 2}},
    "info too large for 64 bits": {"info": {"a": 2**70}},
    "info of any object": {"info": {"a": object(), "b": None, "c": {"d": [1]}}},
    "double of a float32 bound": {"observation": np.full(3, np.float64(np.float32(1.0)))},
}
WARNS = {
    "done as an array": ({"ended": np.array([False])}, "array([False]) as terminated: taken as False"),
    "no info": ({"info": None}, "None as info"),
    "info as a list": ({"info": []}, "[] as info"),
    "rounding": ({"observation": ONE * np.float32(1.000001)}, "by a rounding error not between -1.0 and 1.0"),
    "double rounding": ({"observation": np.full(3, 1.0000000000000002)}, "by a rounding error"),
    "scalar rounding": ({"observation": np.float32(1.000001)}, "obs = 1.0000009"),
    "nested rounding": (
        {"observation": {"n": 1, "x": ONE * np.float32(1.000001)}},
        "obs['x'][0] = 1.0000009",
    ),
    "integers": ({"observation": np.array([0, 1, 1])}, "an array of int64 as obs: taken as float32"),
    "a list": ({"observation": [0.0, 0.5, 0.0]}, "list as obs: taken as float32"),
    "discrete array": ({"observation": np.array([3])}, "array([3]) as obs: taken as 3"),
    "discrete float": ({"observation": 3.0}, "3.0 as obs: taken as 3"),
    "nested discrete array": ({"observation": {"n": np.array([3]), "x": ONE}}, "array([3]) as obs['n']"),
    "raises once": ({"raises": RuntimeError("broken")}, "raised RuntimeError: broken"),
    "stops an iteration": ({"raises": StopIteration()}, "raised StopIteration"),
}
REFUSED = {
    "no reward": ({"reward": None}, ["None as reward at its step 25", "float(reward)"]),
    "reward as text": ({"reward": "1.0"}, ["'1.0' as reward at its step 25"]),
    "two rewards": ({"reward": np.ones(2)}, ["as reward at its step 25"]),
    "done as text": ({"ended": "True"}, ["'True' as terminated at its step 25", "bool(...)"]),
    "done as a dict": ({"ended": {}}, ["{} as terminated"]),
    "done as two": ({"ended": np.zeros(2)}, ["as terminated"]),
    "no observation": ({"observation": None}, ["None as obs at its step 25"]),
    "text seen": ({"observation": "x"}, ["'x' as obs at its step 25"]),
    "another shape": ({"observation": np.zeros(4, np.float32)}, ["of shape (4,), not (3,), at its step 25"]),
    "nested shape": (
        {"observation": {"n": 1, "x": np.zeros(4, np.float32)}},
        ["obs['x'] of shape (4,), not (3,), at its step 25"],
    ),
    "nested without a field": ({"observation": {"n": 1}}, ["without obs['x'] at its step 25"]),
    "nested none": ({"observation": None}, ["without obs['n']"]),
    "pixels as floats": ({"observation": ONE}, ["obs of type float32, not uint8 at its step 25"]),
    "discrete half": ({"observation": 2.5}, ["2.5 as obs, not one of Discrete(12)"]),
    "discrete text": ({"observation": "2"}, ["'2' as obs"]),
    "bits too many": ({"observation": np.zeros(5, np.int8)}, ["of shape (5,), not (4,)"]),
    "four values": ({"result": (ONE, 1.0, False, {})}, ["4 values from step, not 5", "shimmy"]),
    "SystemExit": ({"raises": SystemExit(3)}, ["raised SystemExit: 3", "at its step 25", "ends a program"]),
    "BaseException": ({"raises": BaseException("base")}, ["raised BaseException: base", "at its step 25"]),
    "GeneratorExit": ({"raises": GeneratorExit()}, ["raised GeneratorExit", "at its step 25"]),
}
AT_STEP = 25


class Odd(gymnasium.Env):
    """Ten steps of nothing; at step 25 of its life, and each time from then on, it does what its kind says."""

    def __init__(self, kind: str = "plain") -> None:
        found = TRAINS.get(kind) or (WARNS.get(kind) or REFUSED.get(kind) or ({}, None))[0]
        self._does: dict[str, Any] = dict(found)
        self.observation_space = SPACES.get(kind.split()[0], spaces.Box(-1, 1, (3,), np.float32))
        self.observation_space.seed(3)
        self.action_space = spaces.Discrete(2)
        self.steps = self.total = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        """Ordinary."""
        super().reset(seed=seed)
        self.steps = 0
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> Any:
        """Odd from step 25 on; what is raised is raised once."""
        self.steps, self.total = self.steps + 1, self.total + 1
        does = self._does if self.total >= AT_STEP else {}
        if "raises" in does and self.total == AT_STEP:
            raise does["raises"]
        if "result" in does:
            return does["result"]
        observation = does["observation"] if "observation" in does else self.observation_space.sample()
        ended = does.get("ended", self.steps >= 10)
        return observation, does.get("reward", 1.0), ended, self.steps >= 10, does.get("info", {})


class NoSpaces(Odd):
    """Has none."""

    def __init__(self) -> None:
        super().__init__()
        del self.observation_space


class OldReset(Odd):
    """Returns the observation alone, as before Gym 0.26."""

    def reset(self, **_: Any) -> Any:
        """See above."""
        return super().reset()[0]


class ExitsWhenMade(Odd):
    """Ends the program where it should say that a file is missing."""

    def __init__(self) -> None:
        raise SystemExit("no such level")


class ExitsWhenClosed(Odd):
    """Ends the program when it is closed."""

    def close(self) -> None:
        """See above."""
        raise SystemExit


class OldResetExitsWhenClosed(ExitsWhenClosed):
    """Its reset takes no seed, as in old Gym, and a person who closes it leaves the program."""

    def reset(self) -> Any:  # type: ignore[override]
        """See above."""
        return super().reset()


class OldStep(Odd):
    """Returns four values from step, as before Gym 0.26."""

    def reset(self) -> Any:  # type: ignore[override]
        """See above."""
        return super().reset()[0]

    def step(self, action: Any) -> Any:
        """See above."""
        observation, reward, terminated, _, info = super().step(action)
        return observation, reward, terminated, info


class TwoRewards(Odd):
    """Has two objectives."""

    def step(self, action: Any) -> Any:
        """See above."""
        observation, reward, *rest = super().step(action)
        return observation, np.array([reward, 2 * reward], np.float32), *rest


class NeedsLevel(Odd):
    """Has an argument that must be given."""

    def __init__(self, level: int, size: int = 3) -> None:
        super().__init__()
        self.level, self.size = level, size


class NeedsFile(Odd):
    """Wants a file that is not there."""

    def __init__(self, path: str = "level.txt") -> None:
        raise FileNotFoundError(path)


class NeedsPackage(Odd):
    """Imports what is not installed."""

    def __init__(self) -> None:
        import no_such_package_at_all  # type: ignore[import-not-found]  # noqa: F401


class Meddling(Odd):
    """Changes settings of the whole process."""

    def step(self, action: Any) -> Any:
        """See above."""
        import torch

        torch.set_default_dtype(torch.float64)
        warnings.simplefilter("error")
        np.seterr(all="raise")
        return super().step(action)


class Endless(Odd):
    """Its episodes never end.

    Args:
        step_s: seconds of each step after the first hundred.
        mark: a file that appears then.
    """

    def __init__(self, step_s: float = 0.0, mark: str | None = None) -> None:
        super().__init__()
        self.step_s, self.mark = step_s, mark

    def step(self, action: Any) -> Any:
        """See above."""
        self.total += 1
        if self.mark and self.total == 101:
            Path(self.mark).touch()
        if self.step_s and self.total > 100:
            time.sleep(self.step_s)
        return ONE, 1.0, False, False, {"x": 1.0}


class RareBonus(Odd):
    """Its info has the key `bonus`, 0.5, in the middle of each third episode alone."""

    def __init__(self) -> None:
        super().__init__()
        self.episode = 0

    def step(self, action: Any) -> Any:
        """See above."""
        observation, reward, terminated, truncated, _ = super().step(action)
        self.episode += terminated
        has_bonus = self.episode % 3 == 2 and self.steps == 5
        return observation, reward, terminated, truncated, {"bonus": 0.5} if has_bonus else {}


GREY = np.full((16, 24), 100, np.uint8)
DRAWINGS: dict[str, tuple[Any, str | None]] = {
    "grey": (GREY, None),
    "grey list": ([GREY, GREY], None),
    "text": ("a room in text", "it gives str in place of pictures"),
    "texts": (["a room", "in text"], "it gives list in place of pictures"),
    "numbers": ([1, 2, 3], "it gives list in place of pictures"),
    "channels first": (np.zeros((3, 16, 24), np.uint8), "an array of uint8 of shape (3, 16, 24)"),
    "nothing": (None, "it gives nothing"),
    "raises": (RuntimeError("no screen"), "it raised RuntimeError: no screen"),
    "exits": (SystemExit("no screen"), "it raised SystemExit: no screen"),
}
"""What a renderer gives, and what a person is told of it; nothing where it is taken."""


class Draws(Odd):
    """Draws as one of `DRAWINGS`."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}

    def __init__(self, drawing: str = "grey", render_mode: str | None = None) -> None:
        super().__init__()
        self.drawing, self.render_mode = DRAWINGS[drawing][0], render_mode

    def render(self) -> Any:
        """See above."""
        if isinstance(self.drawing, BaseException):
            raise self.drawing
        return self.drawing


class EmptyBox(gymnasium.Env):
    """Ten steps; what is seen is nothing at all, alone or beside two numbers. The action 1 pays."""

    def __init__(self, within: str = "alone") -> None:
        empty = spaces.Box(-1, 1, (0,), np.float32)
        beside = {"empty": empty, "x": spaces.Box(-1, 1, (2,), np.float32)}
        self.observation_space = {"alone": empty, "dict": spaces.Dict(beside)}[within]
        self.action_space = spaces.Discrete(2)
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        """Ordinary."""
        super().reset(seed=seed)
        self.steps = 0
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> Any:
        """See above."""
        self.steps += 1
        return self.observation_space.sample(), float(action), False, self.steps >= 10, {}


ACTIONS: dict[str, spaces.Space] = {
    "discrete start": spaces.Discrete(3, start=-1),
    "multi": spaces.MultiDiscrete([3, 4]),
    "multi start": spaces.MultiDiscrete([3, 4], start=[1, -1]),
    "multi plane": spaces.MultiDiscrete([[3, 4], [2, 5]]),
    "bits": spaces.MultiBinary(3),
    "bits plane": spaces.MultiBinary([2, 3]),
    "half": spaces.Box(-1, 1, (3,), np.float16),
    "double": spaces.Box(-1, 1, (3,), np.float64),
    "scalar": spaces.Box(-1, 1, (), np.float32),
    "plane": spaces.Box(-1, 1, (2, 3), np.float32),
    "unbounded": spaces.Box(-np.inf, np.inf, (2,), np.float32),
    "whole numbers": spaces.Box(0, 5, (2,), np.int64),
}
"""Action spaces that are less usual."""


class OddActions(Odd):
    """Takes one of `ACTIONS`, and raises on what is not in it."""

    def __init__(self, space: str) -> None:
        super().__init__()
        self.action_space = ACTIONS[space]

    def step(self, action: Any) -> Any:
        """See above."""
        if not self.action_space.contains(action):
            raise MemoryError(f"{action!r} is not in {self.action_space}")
        return super().step(action)


class StartsAtOne(gymnasium.vector.VectorEnv):
    """A vector form whose actions are 1 and 2; never stepped."""

    metadata = {"autoreset_mode": gymnasium.vector.AutoresetMode.NEXT_STEP}

    def __init__(self, num_envs: int = 1) -> None:
        self.num_envs = num_envs
        self.single_observation_space = spaces.Box(-1, 1, (3,), np.float32)
        self.single_action_space = spaces.Discrete(2, start=1)
        self.observation_space = gymnasium.vector.utils.batch_space(self.single_observation_space, num_envs)
        self.action_space = gymnasium.vector.utils.batch_space(self.single_action_space, num_envs)


class EndlessPush(Endless):
    """The same with an action of one number."""

    def __init__(self, step_s: float = 0.0, mark: str | None = None) -> None:
        super().__init__(step_s, mark)
        self.action_space = spaces.Box(-1, 1, (1,), np.float32)


class Stubborn(Endless):
    """Catches, in the step after the first hundred, what ends others, and hangs on.

    Args:
        times: how many exceptions it catches; null means all.
        mark: a file that appears then.
    """

    def __init__(self, times: int | None = None, mark: str | None = None) -> None:
        super().__init__(mark=mark)
        self.times = times

    def step(self, action: Any) -> Any:
        """See above."""
        result = super().step(action)
        while self.total > 100 and self.times != 0:
            try:
                time.sleep(600)
            except BaseException:
                self.times = None if self.times is None else self.times - 1
        if self.total > 100:
            time.sleep(600)
        return result
