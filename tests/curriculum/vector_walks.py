"""One environment that takes tasks, alone and in a vector form of its own with the same dynamics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

SEEN = spaces.Box(-1.0, 1.0, (2,), np.float32)


class Walk(gym.Env):
    """Steps left or right for as many steps as the task says; the last step pays the place, from -1 to 1.

    The observation is `[place / 10, length / 10]`.
    """

    def __init__(self, length: int = 9) -> None:
        self.observation_space, self.action_space = SEEN, spaces.Discrete(2)
        self._length = length

    def set_task(self, task: dict[str, int]) -> None:
        self._length = task["length"]

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self._place = self._time = 0
        return self._seen(), {}

    def step(self, action: int) -> Any:
        self._place, self._time = self._place + (1 if action else -1), self._time + 1
        done = self._time >= self._length
        info = {"success": self._place > 0, "progress": self._place / 10} if done else {}
        return self._seen(), self._place / 10 if done else -0.125, done, False, info

    def _seen(self) -> np.ndarray:
        return np.array([self._place / 10, self._length / 10], np.float32)


class Walks(VectorEnv):
    """The same, in arrays.

    Args:
        num_envs: rows.
        length: of episodes, until a task says otherwise.
        crash_at: vector steps, counted from 1 over the life of the process, that raise.
        crash_at_reset: vector resets, counted likewise, that raise.
        most: tasks longer than this are refused.
    """

    stepped = reset_times = 0

    def __init__(
        self,
        num_envs: int = 1,
        length: int = 9,
        crash_at: Sequence[int] = (),
        crash_at_reset: Sequence[int] = (),
        most: int = 99,
    ) -> None:
        self.num_envs = num_envs
        self.metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}
        self.single_observation_space, self.single_action_space = SEEN, spaces.Discrete(2)
        self.observation_space = batch_space(SEEN, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._crash_at, self._crash_at_reset, self._most = crash_at, crash_at_reset, most
        self.next = np.full(num_envs, length)
        self.told: list[int] = []

    def set_task(self, task: dict[str, int], index: int) -> None:
        if task["length"] > self._most:
            raise ValueError(f"a walk has at most {self._most} steps")
        self.next[index] = task["length"]
        self.told.append(index)

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        type(self).reset_times += 1
        if self.reset_times in self._crash_at_reset:
            raise RuntimeError("no walk today")
        self._length, self._done = self.next.copy(), np.zeros(self.num_envs, bool)
        self._place, self._time = np.zeros(self.num_envs, int), np.zeros(self.num_envs, int)
        return self._seen(), {}

    def step(self, actions: np.ndarray) -> Any:
        type(self).stepped += 1
        if self.stepped in self._crash_at:
            raise RuntimeError("stumbled")
        begins = self._done
        self._length = np.where(begins, self.next, self._length)
        self._place = np.where(begins, 0, self._place + np.where(actions, 1, -1))
        self._time = np.where(begins, 0, self._time + 1)
        self._done = (self._time >= self._length) & ~begins
        rewards = np.where(self._done, self._place / 10, -0.125)
        infos = {"success": self._place > 0, "_success": self._done}
        infos |= {"progress": self._place / 10, "_progress": self._done}
        return self._seen(), rewards, self._done, np.zeros(self.num_envs, bool), infos

    def _seen(self) -> np.ndarray:
        return np.stack([self._place / 10, self._length / 10], axis=1).astype(np.float32)


class Wrapped(VectorWrapper):
    """Gymnasium's wrappers of vector environments hand on no methods."""

    def __init__(self, num_envs: int = 1, **walks: Any) -> None:
        super().__init__(Walks(num_envs, **walks))


class NoIndex(Walks):
    """Its tasks are for all rows."""

    def set_task(self, task: dict[str, int]) -> None:  # type: ignore[override]
        self.next[:] = task["length"]


class NoBox(Walks):
    """An observation that has no room for a task's numbers."""

    def __init__(self, num_envs: int = 1) -> None:
        super().__init__(num_envs)
        self.single_observation_space = spaces.Discrete(100)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

    def _seen(self) -> np.ndarray:
        return self._length


class InDict(Walks):
    """The observation in a Dict."""

    def __init__(self, num_envs: int = 1) -> None:
        super().__init__(num_envs)
        self.single_observation_space = spaces.Dict({"walk": SEEN})
        self.observation_space = batch_space(self.single_observation_space, num_envs)

    def _seen(self) -> Any:
        return {"walk": super()._seen()}
