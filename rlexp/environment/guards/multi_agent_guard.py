"""What `Guard` is around an environment of one agent, around one of several."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
from gymnasium import spaces

from rlexp.environment.env_errors import MisbehavedError, NonFiniteError
from rlexp.environment.guards.replaceable_env import ReplaceableSingleEnv
from rlexp.environment.guards.return_check import ReturnCheck, shown
from rlexp.environment.multi_agent import ALL, ended, joined
from rlexp.environment.multi_agent_wrapper import MultiAgentStep, MultiAgentWrapper, Observations
from rlexp.environment.plain_spaces import Plain, plain_actions, plain_observations


class MultiAgentGuard(ReplaceableSingleEnv, MultiAgentWrapper):
    """Replaces an environment that raises, and refuses what training could not use.

    A `step` that raises ends the episode as truncated for all agents, each with its last good observation and reward
    0, so that no batch is lost; a new environment takes over. A `reset` that raises is tried again on a new one.
    An episode whose agents are all done is over, also where the environment forgets to say `__all__`. Harmless
    oddities of any agent are put right and noted in `last_info`.

    Args:
        make: makes the wrapped environment, each time from scratch.
        name: what error messages call it.
        max_consecutive_failures: so many failures with no good step in between raise `EnvBrokenError`.
        check_finite: whether NaN or infinity in an observation or reward raises `NonFiniteError`.
        check: how oddities are judged: `strict`, `warn` or `off`.
        max_steps: env steps after which an episode is truncated for all agents; None for no limit.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        name: str,
        *,
        max_consecutive_failures: int = 10,
        check_finite: bool = True,
        check: str = "warn",
        max_steps: int | None = None,
    ) -> None:
        env = make()
        MultiAgentWrapper.__init__(self, env)
        ReplaceableSingleEnv.__init__(self, make, name, max_consecutive_failures, max_steps)
        self._check_finite = check_finite
        self._common_check = self._make_check(spaces.Dict({}), name, check)
        """For what concerns no single agent."""
        self._checks = {
            agent: self._make_check(space, f"{name} (agent {agent!r})", check, agent)
            for agent, space in self.observation_spaces.items()
        }
        self._plain_seen = _changed(plain_observations, self.observation_spaces)
        self._plain_actions = _changed(plain_actions, self.action_spaces)
        self.observation_spaces |= {agent: plain.space for agent, plain in self._plain_seen.items()}
        self.action_spaces |= {agent: plain.space for agent, plain in self._plain_actions.items()}
        self._last: Observations = {}
        """The last observation of each agent that is not done."""
        self._infos: dict[Any, dict[str, Any]] = {}
        self._reported: dict[str, Any] = {}

    def _make_check(self, space: gymnasium.Space, name: str, check: str, agent: Any = None) -> ReturnCheck:
        """Checks what is returned for an agent."""

        def not_finite(field: str, value: float) -> NonFiniteError:
            return self._not_finite(f"{field} of {agent}", value)

        return ReturnCheck(
            space, name, check, self._notices, self._when, not_finite if self._check_finite else None
        )

    @property
    def last_info(self) -> dict[str, Any]:
        """See `joined`; with the failures and notices that the last reset or the episode's last step met."""
        return {**joined(self._infos), **self._reported}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[Any, dict[str, Any]]]:
        """Resets, on a new environment when the old one raises.

        Raises:
            EnvBrokenError: it failed too often in a row, or returned what cannot be meant.
            NonFiniteError: an observation holds NaN or infinity.
        """
        (observations, infos), last_error = self._start_episodes(
            seed,
            lambda seed: self._common_check.values(
                self.env.reset(seed=seed, options=options), "reset", "observation, info"
            ),
        )
        self._episode_steps = 0
        infos = self._checked_infos(infos)
        self._last = {}
        observations = self._take(observations)
        self._infos = dict(infos)
        self._reported = self._report(last_error)
        return observations, infos

    def step(self, action_dict: dict[Any, Any]) -> MultiAgentStep:
        """Steps; a failure truncates the episode, and `last_info["env_failure"]` says so.

        Raises:
            EnvBrokenError: it failed too often in a row, or returned what cannot be meant.
            NonFiniteError: an observation or a reward is NaN or infinity.
        """
        self._steps += 1
        self._episode_steps += 1
        if self._plain_actions:
            action_dict = {
                agent: self._plain_actions[agent].from_plain(action)
                if agent in self._plain_actions
                else action
                for agent, action in action_dict.items()
            }
        try:
            result: Any = self.env.step(action_dict)
        except BaseException as error:
            self._reported = self._failed_in_step(error)
            return self._truncated({}, {}, {}, {}, {})
        step = self._checked(result)
        self._failures_in_a_row, self._reported = 0, {}
        if self._late() and not ended(step[2], step[3]):
            step = self._truncated(*step)
        if ended(step[2], step[3]):  # The only step whose info is asked for.
            self._reported = self._report()
        return step

    def _checked(self, result: Any) -> MultiAgentStep:
        """What `step` returned, checked, with the end of the episode where all agents are done."""
        observations, rewards, terminateds, truncateds, infos = self._common_check.values(
            result, "step", "observations, rewards, terminateds, truncateds, infos"
        )
        rewards = self._checked_rewards(rewards)
        terminateds = self._checked_flags(terminateds, "terminated")
        truncateds = self._checked_flags(truncateds, "truncated")
        infos = self._checked_infos(infos)
        if self._check_finite and not all(map(math.isfinite, rewards.values())):
            agent, reward = next(item for item in rewards.items() if not math.isfinite(item[1]))
            raise self._not_finite(f"reward of {agent}", reward)
        observations = self._take(observations)
        self._infos.update(infos)
        done = {agent for agent in [*terminateds, *truncateds] if _is_done(agent, terminateds, truncateds)}
        for agent in done - {ALL}:
            self._last.pop(agent, None)
        # RLlib ends the episode where all are done, but resets the environment only where `__all__` says so.
        all_gone = not self._last and ALL not in done
        terminateds = {**terminateds, ALL: terminateds.get(ALL, False) or all_gone}
        return observations, rewards, terminateds, truncateds, infos

    def _late(self) -> bool:
        return self._max_steps is not None and self._episode_steps >= self._max_steps

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

    def _take(self, observations: Any) -> Observations:
        """The observations, checked; the last ones from now on."""
        taken = {}
        for agent, observation in self._by_agent(observations, "observations").items():
            observation = self._check_of(agent, "an observation").observation(observation)
            if agent in self._plain_seen:
                observation = self._plain_seen[agent].to_plain(observation)
            taken[agent] = self._last[agent] = observation
        return taken

    def _checked_rewards(self, rewards: Any) -> dict[Any, float]:
        return {
            agent: self._check_of(agent, "a reward").reward(reward)
            for agent, reward in self._by_agent(rewards, "rewards").items()
        }

    def _checked_flags(self, flags: Any, which: str) -> dict[Any, bool]:
        """`terminated` or `truncated` of each agent and of `__all__` as true or false."""
        checked = {}
        for agent, flag in self._by_agent(flags, f"{which}s").items():
            known = self._checks.get(agent)
            check, name = (self._common_check, f"{which}s[{agent!r}]") if known is None else (known, which)
            checked[agent] = check.flag(flag, name)
        return checked

    def _checked_infos(self, infos: Any) -> dict[Any, dict[str, Any]]:
        """Each agent's info as a dict; those of no agent too."""
        infos = self._common_check.info(infos, "infos")
        return {
            agent: self._checks.get(agent, self._common_check).info(info) for agent, info in infos.items()
        }

    def _by_agent(self, value: Any, what: str) -> dict[Any, Any]:
        if isinstance(value, dict):
            return value
        returned = f"{shown(value)} as {what}, not a dict by agent,"
        fix = "return a dict with an entry for each agent"
        raise MisbehavedError.returned(self.name, returned, self._when(), fix)

    def _check_of(self, agent: Any, what: str) -> ReturnCheck:
        if (check := self._checks.get(agent)) is not None:
            return check
        known = list(self._checks)
        returned = f"{what} of the agent {agent!r}, which is not among its possible_agents {known},"
        fix = "all agents that may ever appear in possible_agents"
        raise MisbehavedError.returned(self.name, returned, self._when(), fix)


def _changed(
    plain: Callable[[gymnasium.Space], Plain | None], spaces: Mapping[Any, gymnasium.Space]
) -> dict[Any, Plain]:
    """The agents whose space is shown as another."""
    return {agent: shown_as for agent, space in spaces.items() if (shown_as := plain(space)) is not None}


def _is_done(agent: Any, terminateds: dict[Any, bool], truncateds: dict[Any, bool]) -> bool:
    return bool(terminateds.get(agent)) or bool(truncateds.get(agent))
