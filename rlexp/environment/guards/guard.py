"""The outermost wrapper of every environment: training survives single failures and ends on hopeless ones."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import gymnasium

from rlexp.environment.env_errors import describe
from rlexp.environment.guards.replaceable_env import ReplaceableSingleEnv
from rlexp.environment.guards.return_check import ReturnCheck, spaces_of
from rlexp.environment.plain_spaces import plain_actions, plain_observations

_log = logging.getLogger(__name__)


class Guard(ReplaceableSingleEnv, gymnasium.Wrapper):
    """Replaces an environment that raises, and refuses what training could not use.

    A `step` that raises ends the episode as truncated, with the last good observation and reward 0, so that
    no batch is lost; a new environment takes over. A `reset` that raises is tried again on a new environment.
    What was changed with `change` is changed again on the new one. Harmless oddities are put right
    (`return_check`) and noted in the infos (`notices`); spaces that RLlib mishandles
    are shown as others that hold the same (`rlexp.environment.plain_spaces`).

    Args:
        make: makes the wrapped environment, each time from scratch.
        name: what error messages call it.
        max_consecutive_failures: so many failures with no good step in between raise `EnvBrokenError`.
        check_finite: whether NaN or infinity in an observation or reward raises `NonFiniteError`.
        check: how oddities are judged: `strict`, `warn` or `off`.
        max_steps: env steps after which an episode is truncated, which a notice says; None for no limit.
    """

    env: gymnasium.Env[Any, Any]

    def __init__(
        self,
        make: Callable[[], gymnasium.Env],
        name: str,
        *,
        max_consecutive_failures: int = 10,
        check_finite: bool = True,
        check: str = "warn",
        max_steps: int | None = None,
    ) -> None:
        env = make()
        space, actions = spaces_of(env, name)
        gymnasium.Wrapper.__init__(self, env)
        ReplaceableSingleEnv.__init__(self, make, name, max_consecutive_failures, max_steps)
        not_finite = self._not_finite if check_finite else None
        self._check = ReturnCheck(space, name, check, self._notices, self._when, not_finite)
        self._check_finite = check_finite
        self._last_observation: Any = None
        self._plain_seen, self._plain_action = plain_observations(space), plain_actions(actions)
        if self._plain_seen is not None:
            self.observation_space = self._plain_seen.space
        if self._plain_action is not None:
            self.action_space = self._plain_action.space

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Steps; a failure becomes a truncated step with `info["env_failure"]`.

        Raises:
            EnvBrokenError: it failed too often in a row, or returned what cannot be meant.
            NonFiniteError: the observation or the reward holds NaN or infinity.
        """
        check = self._check
        self._steps += 1
        self._episode_steps += 1
        if self._plain_action is not None:
            action = self._plain_action.from_plain(action)
        try:
            result = self.env.step(action)
        except BaseException as error:
            report = self._failed_in_step(error)
            return self._last_observation, 0.0, False, True, report
        if type(result) is not tuple or len(result) != 5:
            result = check.values(result, "step", "observation, reward, terminated, truncated, info")
        observation, reward, terminated, truncated, info = result
        self._failures_in_a_row = 0
        if type(reward) is not float:
            reward = check.reward(reward)
        if terminated is not False and terminated is not True:
            terminated = check.flag(terminated, "terminated")
        if truncated is not False and truncated is not True:
            truncated = check.flag(truncated, "truncated")
        if type(info) is not dict:
            info = check.info(info)
        if self._check_finite and reward - reward != 0.0:  # Infinity less itself is NaN.
            raise self._not_finite("reward", float(reward))
        observation = check.observation(observation)
        if self._plain_seen is not None:
            observation = self._plain_seen.to_plain(observation)
        if self._max_steps is not None and self._episode_steps >= self._max_steps and not terminated:
            truncated = True
            self._note_truncation(self._episode_steps)
        self._last_observation = observation
        if terminated or truncated or self._notices.new:
            info = self._notices.add_to(info)
        return observation, reward, terminated, truncated, info

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets, on a new environment when the old one raises.

        Raises:
            EnvBrokenError: it failed too often in a row, or returned what cannot be meant.
            NonFiniteError: the observation holds NaN or infinity.
        """
        check = self._check
        (observation, info), last_error = self._start_episodes(
            seed,
            lambda seed: check.values(
                self.env.reset(seed=seed, options=options), "reset", "observation, info"
            ),
        )
        self._episode_steps = 0
        info, observation = check.info(info), check.observation(observation)
        if self._plain_seen is not None:
            observation = self._plain_seen.to_plain(observation)
        self._last_observation = observation
        report = self._report(last_error)
        return observation, {**info, **report} if report else info

    def close(self) -> None:
        """Closes the environment; what it raises then, `SystemExit` too, is logged and ends nothing."""
        try:
            super().close()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            _log.warning("the environment %s could not be closed: %s", self.name, describe(error))
