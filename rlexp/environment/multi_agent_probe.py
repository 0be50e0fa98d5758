"""Tries an environment with several agents out before a run starts. It imports RLlib."""

from __future__ import annotations

import time
from typing import Any

import gymnasium

from rlexp.base.errors import ConfigError
from rlexp.config.schema import EnvChoice
from rlexp.environment.construct import env_name
from rlexp.environment.env_probe import STEPS, EnvProbe, budget_s, check_observation
from rlexp.environment.guards.replaceable import FAILURE
from rlexp.environment.multi_agent import ended
from rlexp.environment.multi_agent_wrapper import MultiAgentWrapper, Observations


def shared_spaces(choice: EnvChoice, env: MultiAgentWrapper) -> tuple[gymnasium.Space, gymnasium.Space]:
    """The observation and action space that all agents have, so that one policy can act for each.

    Raises:
        ConfigError: there are no agents, or their spaces differ.
    """
    if not env.possible_agents:
        raise ConfigError(
            f"env: {env_name(choice)} names no agents",
            key="env",
            fix="set possible_agents in its constructor",
        )
    first, *others = env.possible_agents
    for what, spaces in (("observation", env.observation_spaces), ("action", env.action_spaces)):
        for agent in others:
            if spaces[agent] != spaces[first]:
                raise ConfigError(
                    f"env: {env_name(choice)}: one policy acts for all agents, and their {what} spaces differ: "
                    f"{first!r} has {spaces[first]}, {agent!r} has {spaces[agent]}",
                    key="env",
                    fix=f"equal {what} spaces in the environment, the smaller ones padded",
                )
    return env.observation_spaces[first], env.action_spaces[first]


def check_observations(choice: EnvChoice, env: MultiAgentWrapper, observations: Any, source: str) -> None:
    """Checks what each agent observes.

    Raises:
        ConfigError: it is no dict by agent, or lies outside of the agent's space.
    """
    if not isinstance(observations, dict):
        raise ConfigError(
            f"env: {env_name(choice)}: {source} must return a dict of observations by agent, not {observations!r}",
            key="env",
        )
    for agent, observation in observations.items():
        check_observation(choice, env.observation_spaces[agent], observation, f"{source} for {agent!r}")


def try_agents(env: MultiAgentWrapper, choice: EnvChoice, seed: int) -> EnvProbe:
    """Steps it with random actions, as `probe` does with an environment of one agent.

    Raises:
        ConfigError: it breaks RLlib's rules for several agents.
    """
    observation_space, action_space = shared_spaces(choice, env)
    for position, agent in enumerate(env.possible_agents):
        env.action_spaces[agent].seed(seed + position)
    acting = _reset(env, choice, seed)
    spent, steps, begin = 0.0, 0, time.perf_counter()
    for _ in range(STEPS):
        actions = {agent: env.action_spaces[agent].sample() for agent in acting}
        start = time.perf_counter()
        observations, _, terminateds, truncateds, _ = env.step(actions)
        if FAILURE not in env.last_info:
            spent, steps = spent + time.perf_counter() - start, steps + 1
        check_observations(choice, env, observations, "step")
        acting = [a for a in observations if not (terminateds.get(a) or truncateds.get(a))]
        if ended(terminateds, truncateds):
            acting = _reset(env, choice, None)
        if time.perf_counter() - begin > budget_s(FAILURE in env.last_info):
            break
    agents = tuple(env.possible_agents)
    return EnvProbe(observation_space, action_space, spent / steps if steps else None, agents)


def _reset(env: MultiAgentWrapper, choice: EnvChoice, seed: int | None) -> list[Any]:
    observations: Observations = env.reset(seed=seed)[0]
    check_observations(choice, env, observations, "reset")
    return list(observations)
