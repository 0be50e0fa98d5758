"""The outermost wrapper of every environment: training survives single failures and ends on hopeless ones.

Imported once environments are made: it imports Gymnasium.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from rlexp.environment.errors import EnvBrokenError, FatalEnvError, NonFiniteError
from rlexp.environment.finite import FiniteCheck
from rlexp.environment.renewing import FAILURE, FAILURE_COUNT, Renewing

__all__ = ["FAILURE", "FAILURE_COUNT", "EnvBrokenError", "FatalEnvError", "Guard", "NonFiniteError"]


class Guard(Renewing, gymnasium.Wrapper):
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
        env = make()
        gymnasium.Wrapper.__init__(self, env)
        Renewing.__init__(self, env, make, name, max_consecutive_failures)
        self._finite = FiniteCheck(env.observation_space) if check_finite else None
        space = env.observation_space
        self._shape = space.shape if isinstance(space, gymnasium.spaces.Box) else None
        self._last_observation: Any = None

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
        observation, info, last_error = self._fresh(seed, options)
        if self._finite is not None and (bad := self._finite.bad_field(observation)) is not None:
            raise self._not_finite(*bad)
        self._check_shape(observation)
        self._last_observation = observation
        return observation, self._reported(info, last_error) if self._unreported else info

    def _check_shape(self, observation: Any) -> None:
        """A vector environment would spread what is too small over all elements, without a word."""
        if self._shape is not None and (shape := np.shape(observation)) != self._shape:
            raise EnvBrokenError.misshapen(self.name, shape, self._shape, self._steps)
