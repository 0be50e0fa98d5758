"""The outermost wrapper of every environment: training survives single failures and ends on hopeless ones.

Imported once environments are made: it imports Gymnasium.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from rlexp.environment.errors import EnvBrokenError, FatalEnvError, NonFiniteError, describe
from rlexp.environment.finite import FiniteCheck

__all__ = ["FAILURE", "FAILURE_COUNT", "EnvBrokenError", "FatalEnvError", "Guard", "NonFiniteError"]

FAILURE = "env_failure"
"""Info key: the error that ended the episode, or that a reset had to be repeated for, as one line."""

FAILURE_COUNT = "env_failure_count"
"""Info key: how many failures there were since the last info that had this key."""


class Guard(gymnasium.Wrapper):
    """Replaces an environment that raises, and refuses numbers that are not finite.

    A `step` that raises ends the episode as truncated, with the last good observation and reward 0, so that
    no batch is lost; a new environment takes over. A `reset` that raises is tried again on a new environment.
    What was changed with `change` is changed again on the new one.

    Args:
        make: makes the wrapped environment, each time from scratch.
        name: what error messages call it.
        max_consecutive_failures: so many failures with no good step in between raise `EnvBrokenError`.
        check_finite: whether NaN or infinity in an observation or reward raises `NonFiniteError`.
    """

    env: gymnasium.Env[Any, Any]

    def __init__(
        self,
        make: Callable[[], gymnasium.Env],
        name: str,
        *,
        max_consecutive_failures: int = 10,
        check_finite: bool = True,
    ) -> None:
        super().__init__(make())
        self.name = name
        self._make = make
        self._max_failures = max_consecutive_failures
        self._finite = FiniteCheck(self.env.observation_space) if check_finite else None
        space = self.env.observation_space
        self._shape = space.shape if isinstance(space, gymnasium.spaces.Box) else None
        self._failures_in_a_row = 0
        self._unreported = 0
        self._needs_env = False
        self._needs_seed = False
        self._seeds = np.random.default_rng()
        self._change: Callable[[gymnasium.Env], None] | None = None
        self._last_observation: Any = None
        self._steps = 0
        self._episode_steps = 0

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Steps; a failure becomes a truncated step with `info["env_failure"]`.

        Raises:
            EnvBrokenError: it failed too often in a row, or the observation has another shape than its space.
            NonFiniteError: the observation or the reward holds NaN or infinity.
        """
        try:
            observation, reward, terminated, truncated, info = self.env.step(action)
            reward_is_finite = math.isfinite(reward)
        except Exception as error:
            self._failed(error)
            self._replace_env()
            return self._last_observation, 0.0, False, True, self._reported({}, error)
        self._failures_in_a_row = 0
        self._steps += 1
        self._episode_steps += 1
        if self._finite is not None:
            if not reward_is_finite:
                raise self._not_finite("reward", float(reward))
            if (bad := self._finite.bad_field(observation)) is not None:
                raise self._not_finite(*bad)
        if self._shape is not None and getattr(observation, "shape", None) != self._shape:
            self._check_shape(observation)
        self._last_observation = observation
        return observation, reward, terminated, truncated, info

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets, on a new environment when the old one raises.

        Raises:
            EnvBrokenError: it failed too often in a row, or the observation has another shape than its space.
            NonFiniteError: the observation holds NaN or infinity.
        """
        if seed is not None:
            self._seeds = np.random.default_rng(seed)
        last_error: Exception | None = None
        while True:
            try:
                if self._needs_env:
                    self._renew()
                if seed is None and self._needs_seed:
                    seed = int(self._seeds.integers(2**31))
                observation, info = self.env.reset(seed=seed, options=options)
                break
            except Exception as error:
                self._failed(error)
                # Another seed: a level that cannot be built stays so.
                last_error, seed = error, None
                self._needs_env = True
        self._needs_seed = False
        self._episode_steps = 0
        if self._finite is not None and (bad := self._finite.bad_field(observation)) is not None:
            raise self._not_finite(*bad)
        self._check_shape(observation)
        self._last_observation = observation
        return observation, self._reported(info, last_error) if self._unreported else info

    def _check_shape(self, observation: Any) -> None:
        """A vector environment would spread what is too small over all elements, without a word."""
        if self._shape is not None and (shape := np.shape(observation)) != self._shape:
            raise EnvBrokenError.misshapen(self.name, shape, self._shape, self._steps)

    def set_task(self, task: Any) -> None:
        """Hands `task` to the environment's own `set_task`, now and whenever it is replaced."""
        self.change(lambda env: env.get_wrapper_attr("set_task")(task))

    def change(self, change: Callable[[gymnasium.Env], None]) -> None:
        """Changes the environment, now and whenever it is replaced, until the next such call."""
        self._change = change
        if not self._needs_env:
            change(self.env)

    def rebuild(self, make: Callable[[], gymnasium.Env]) -> None:
        """From the next reset on, the environment is one that `make` makes."""
        self._make, self._needs_env = make, True

    def _failed(self, error: Exception) -> None:
        """Counts a failure; raises when it was one too many."""
        self._failures_in_a_row += 1
        self._unreported += 1
        if self._failures_in_a_row >= self._max_failures:
            raise EnvBrokenError.after(self.name, self._failures_in_a_row, error) from error

    def _replace_env(self) -> None:
        """Makes a new environment at once, so that a task set before the next reset reaches it."""
        self._needs_env = True
        try:
            self._renew()
        except Exception as error:
            self._failed(error)

    def _renew(self) -> None:
        with contextlib.suppress(Exception):  # It is broken already.
            self.env.close()
        self.env = self._make()
        self._needs_seed = True
        if self._change is not None:
            self._change(self.env)
        self._needs_env = False

    def _reported(self, info: dict[str, Any], error: Exception | None) -> dict[str, Any]:
        """`info` with the failures that no info has told of yet."""
        told = {**info, FAILURE_COUNT: self._unreported}
        if error is not None:
            told[FAILURE] = describe(error)
        self._unreported = 0
        return told

    def _not_finite(self, field: str, value: float) -> NonFiniteError:
        return NonFiniteError.found(self.name, field, value, self._steps, self._episode_steps)
