"""Environments that misbehave on purpose, to see that a run survives them or ends with a clear message."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

Step = tuple[np.ndarray, float, bool, bool, dict[str, Any]]


class Corridor(gymnasium.Env):
    """Walk to the right end of a corridor; well-behaved, and the base of those that are not.

    The observation is the position from 0 to 1 and a constant 1, float32 of shape (2,). Actions are 0, left,
    and 1, right. Each step costs 0.1, the end gives 1.

    Args:
        length: cells from the left end, where episodes start, to the right one.
        max_steps: steps after which an episode is truncated.
    """

    def __init__(self, length: int = 5, max_steps: int = 20) -> None:
        self.observation_space = spaces.Box(0.0, 1.0, (2,), np.float32)
        self.action_space = spaces.Discrete(2)
        self.length, self.max_steps = length, max_steps
        self.position = self.time = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict]:
        """Starts at the left end."""
        super().reset(seed=seed)
        self.position = self.time = 0
        return self._observe(), {}

    def step(self, action: int) -> Step:
        """Moves one cell."""
        self.time += 1
        self.position = min(max(self.position + (1 if action == 1 else -1), 0), self.length)
        done = self.position == self.length
        return self._observe(), 1.0 if done else -0.1, done, self.time >= self.max_steps, {}

    def _observe(self) -> np.ndarray:
        return np.array([self.position / self.length, 1.0], np.float32)


class Crashing(Corridor):
    """Raises by chance.

    Args:
        p_crash: probability that a step raises.
        p_crash_reset: probability that a reset raises.
        silent: raise exceptions that have no message.
    """

    def __init__(
        self, p_crash: float = 0.01, p_crash_reset: float = 0.0, silent: bool = False, **corridor: Any
    ) -> None:
        super().__init__(**corridor)
        self.p_crash, self.p_crash_reset = p_crash, p_crash_reset
        self._arguments = () if silent else ("the simulator crashed",)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict]:
        """As the corridor's, or raises RuntimeError."""
        start = super().reset(seed=seed, options=options)
        if self.np_random.random() < self.p_crash_reset:
            raise RuntimeError(*self._arguments)
        return start

    def step(self, action: int) -> Step:
        """As the corridor's, or raises RuntimeError."""
        if self.np_random.random() < self.p_crash:
            raise RuntimeError(*self._arguments)
        return super().step(action)


class NotFinite(Corridor):
    """Returns a number that is not finite.

    Args:
        at_step: the step, counted from 1 over all episodes, at which it does; 0 means the first reset.
        field: `observation` or `reward`.
        value: `nan`, `inf` or `-inf`.
    """

    def __init__(
        self, at_step: int = 100, field: str = "observation", value: str = "nan", **corridor: Any
    ) -> None:
        super().__init__(**corridor)
        if field not in ("observation", "reward"):
            raise ValueError(f"field must be observation or reward, not {field!r}")
        self.at_step, self.field, self.value = at_step, field, float(value)
        self.steps = 0

    def step(self, action: int) -> Step:
        """As the corridor's, but at step `at_step` with `value` in it."""
        self.steps += 1
        observation, reward, terminated, truncated, info = super().step(action)
        if self.steps == self.at_step and self.field == "reward":
            reward = self.value
        return observation, reward, terminated, truncated, info

    def _observe(self) -> np.ndarray:
        observation = super()._observe()
        if self.steps == self.at_step and self.field == "observation":
            observation[1] = self.value
        return observation


class Slow(Corridor):
    """Takes its time.

    Args:
        step_s: seconds that each step sleeps.
        hang_at: the step, counted from 1 over all episodes, that never returns; None means none.
    """

    def __init__(self, step_s: float = 0.01, hang_at: int | None = None, **corridor: Any) -> None:
        super().__init__(**corridor)
        self.step_s, self.hang_at = step_s, hang_at
        self.steps = 0

    def step(self, action: int) -> Step:
        """As the corridor's, later or never."""
        self.steps += 1
        time.sleep(self.step_s)
        while self.steps == self.hang_at:
            time.sleep(1.0)
        return super().step(action)


class BreaksOnRunner(Corridor):
    """Always raises in one env runner and is well-behaved in the others.

    Args:
        config: `worker_index`, the number of that env runner; the others are the corridor's arguments.
    """

    def __init__(self, config: Any) -> None:
        arguments = dict(config)
        self._broken = config.worker_index == arguments.pop("worker_index")
        super().__init__(**arguments)

    def step(self, action: int) -> Step:
        """As the corridor's, or raises RuntimeError."""
        if self._broken:
            raise RuntimeError("broken on this machine only")
        return super().step(action)


class KillsItsProcess(Corridor):
    """Ends the process it is in as a native crash would, once over all processes that share the file.

    Args:
        at_step: the step, counted from 1 over all episodes, at which it does.
        done: path of a file that is made just before, and whose presence keeps the others from it; None: each time.
    """

    def __init__(self, at_step: int = 20, done: str | None = None, **corridor: Any) -> None:
        super().__init__(**corridor)
        self.at_step, self.done, self.steps = at_step, done, 0

    def step(self, action: int) -> Step:
        """As the corridor's, or never returns."""
        self.steps += 1
        if self.steps == self.at_step and self._is_first():
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().step(action)

    def _is_first(self) -> bool:
        if self.done is None:
            return True
        try:
            os.close(os.open(self.done, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True


class Misshapen(Corridor):
    """Returns an observation of shape (1,) where its space says (2,).

    Args:
        at_step: the step, counted from 1 over all episodes, at which it does.
    """

    def __init__(self, at_step: int = 100, **corridor: Any) -> None:
        super().__init__(**corridor)
        self.at_step, self.steps = at_step, 0

    def step(self, action: int) -> Step:
        """As the corridor's, but at step `at_step` with half the observation."""
        self.steps += 1
        return super().step(action)

    def _observe(self) -> np.ndarray:
        observation = super()._observe()
        return observation[:1] if self.steps == self.at_step else observation


class Errand(gymnasium.Env):
    """Ends after as many steps as its task says, and shows them: for curricula.

    The observation is `[length / 10, 1]`, float32; any action will do. Each step gives reward 1, and the last info
    says `success`.

    Args:
        length: steps of an episode, until a task says otherwise.
    """

    def __init__(self, length: int = 9) -> None:
        self.observation_space = spaces.Box(0.0, 1.0, (2,), np.float32)
        self.action_space = spaces.Discrete(2)
        self._length = length
        self._left = 0

    def set_task(self, task: dict[str, int]) -> None:
        """The length of the episodes that begin from now on."""
        self._length = task["length"]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict]:
        """Begins an errand."""
        super().reset(seed=seed)
        self._left = self._length
        return self._observe(), {}

    def step(self, action: int) -> Step:
        """One step nearer to its end."""
        self._left -= 1
        done = self._left <= 0
        return self._observe(), 1.0, done, False, {"success": True} if done else {}

    def _observe(self) -> np.ndarray:
        return np.array([self._length / 10, 1.0], np.float32)
