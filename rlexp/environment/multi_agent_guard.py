"""What `Guard` is around an environment of one agent, around one of several.

Imported once such an environment is made: it imports RLlib.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from rlexp.environment.agents import ALL, ended, joined
from rlexp.environment.errors import EnvBrokenError
from rlexp.environment.finite import FiniteCheck
from rlexp.environment.form import Form
from rlexp.environment.multi_agent_wrapper import MultiAgentStep, MultiAgentWrapper, Observations
from rlexp.environment.renewing import Renewing


class MultiAgentGuard(Renewing, MultiAgentWrapper):
    """Replaces an environment that raises, and refuses numbers that are not finite.

    A `step` that raises ends the episode as truncated for all agents, each with its last good observation and reward
    0, so that no batch is lost; a new environment takes over. A `reset` that raises is tried again on a new one.
    An episode whose agents are all done is over, also where the environment forgets to say `__all__`.

    Args:
        make: makes the wrapped environment, each time from scratch.
        name: what error messages call it.
        max_consecutive_failures: so many failures with no good step in between raise `EnvBrokenError`.
        check_finite: whether NaN or infinity in an observation or reward raises `NonFiniteError`.
        max_steps: env steps after which an episode is truncated for all agents; null for no limit.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        name: str,
        *,
        max_consecutive_failures: int = 10,
        check_finite: bool = True,
        max_steps: int | None = None,
    ) -> None:
        env = make()
        MultiAgentWrapper.__init__(self, env)
        Renewing.__init__(self, env, make, name, max_consecutive_failures)
        self._form = Form(gymnasium.spaces.Dict({}), name, "warn", self._notices, self._when)
        self._check_finite, self._max_steps = check_finite, max_steps
        self._checks = {agent: FiniteCheck(space) for agent, space in self.observation_spaces.items()}
        self._last: Observations = {}
        """The last observation of each agent that is not done."""
        self._infos: dict[Any, dict[str, Any]] = {}
        self._told: dict[str, Any] = {}

    @property
    def last_info(self) -> dict[str, Any]:
        """See `joined`; with the failures that the last reset or step met."""
        return {**joined(self._infos), **self._told}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[Any, dict[str, Any]]]:
        """Resets, on a new environment when the old one raises.

        Raises:
            EnvBrokenError: it failed too often in a row, or an observation is not as its space says.
            NonFiniteError: an observation holds NaN or infinity.
        """
        observations, infos, last_error = self._fresh(seed, options)
        self._last = {}
        self._take(observations)
        self._infos = dict(infos)
        self._told = self._reported({}, last_error) if self._unreported else {}
        return observations, infos

    def step(self, action_dict: dict[Any, Any]) -> MultiAgentStep:
        """Steps; a failure truncates the episode, and `last_info["env_failure"]` tells of it.

        Raises:
            EnvBrokenError: it failed too often in a row, or an observation is not as its space says.
            NonFiniteError: an observation or a reward is NaN or infinity.
        """
        try:
            observations, rewards, terminateds, truncateds, infos = self.env.step(action_dict)
            finite = all(math.isfinite(reward) for reward in rewards.values())
            done = {
                agent for agent in [*terminateds, *truncateds] if _is_done(agent, terminateds, truncateds)
            }
        except BaseException as error:
            self._failed(error)
            self._replace_env()
            self._told = self._reported({}, error)
            return self._truncated({}, {}, {}, {}, {})
        self._failures_in_a_row, self._told = 0, {}
        self._steps += 1
        self._episode_steps += 1
        if self._check_finite and not finite:
            agent, reward = next(item for item in rewards.items() if not math.isfinite(item[1]))
            raise self._not_finite(f"reward of {agent}", float(reward))
        self._take(observations)
        self._infos.update(infos)
        for agent in done - {ALL}:
            self._last.pop(agent, None)
        # RLlib ends the episode where all are done, but resets the environment only where `__all__` says so.
        all_gone = not self._last and ALL not in done
        terminateds = {**terminateds, ALL: bool(terminateds.get(ALL)) or all_gone}
        step = (observations, rewards, terminateds, truncateds, infos)
        late = self._max_steps is not None and self._episode_steps >= self._max_steps
        return self._truncated(*step) if late and not ended(terminateds, truncateds) else step

    def _truncated(
        self, observations: Any, rewards: Any, terminateds: Any, truncateds: Any, infos: Any
    ) -> MultiAgentStep:
        """The step as the episode's last: RLlib wants an observation and a reward of all that are not done."""
        unpaid = dict.fromkeys(self._last, 0.0)
        return (
            {**self._last, **observations},
            {**unpaid, **rewards},
            {**terminateds, ALL: False},
            {**truncateds, ALL: True},
            infos,
        )

    def _take(self, observations: Observations) -> None:
        for agent, observation in observations.items():
            if agent not in self._checks:
                raise EnvBrokenError(
                    f"the environment {self.name} returned an observation of the agent {agent!r}, "
                    f"which is not among its possible_agents {self.possible_agents}"
                )
            if self._check_finite and (bad := self._checks[agent].bad_field(observation)) is not None:
                raise self._not_finite(f"{bad[0]} of {agent}", bad[1])
            space = self.observation_spaces[agent]
            if isinstance(space, gymnasium.spaces.Box) and np.shape(observation) != space.shape:
                raise EnvBrokenError.misshapen(self.name, np.shape(observation), space.shape, self._steps)
            self._last[agent] = observation


def _is_done(agent: Any, terminateds: dict[Any, bool], truncateds: dict[Any, bool]) -> bool:
    return bool(terminateds.get(agent)) or bool(truncateds.get(agent))
