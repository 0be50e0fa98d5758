"""The base of rlexp's wrappers around environments with several agents. It imports RLlib."""

from __future__ import annotations

from typing import Any

from ray.rllib.env.multi_agent_env import MultiAgentEnv

Observations = dict[Any, Any]
MultiAgentStep = tuple[
    Observations, dict[Any, float], dict[Any, bool], dict[Any, bool], dict[Any, dict[str, Any]]
]
"""Observations, rewards, terminateds, truncateds and infos, each by agent."""


class MultiAgentWrapper(MultiAgentEnv):
    """Passes everything on; unlike Gymnasium's wrappers it is the environment that RLlib sees.

    Args:
        env: the environment; its `possible_agents` are fixed.
    """

    def __init__(self, env: MultiAgentEnv) -> None:
        # Not RLlib's own constructor: that sets `agents`, which the wrapped environment changes as it goes.
        self.env: Any = env
        self.possible_agents = list(env.possible_agents)
        self._agent_ids = set(self.possible_agents)
        self.observation_spaces = {agent: env.get_observation_space(agent) for agent in self.possible_agents}
        self.action_spaces = {agent: env.get_action_space(agent) for agent in self.possible_agents}
        self.metadata, self.render_mode = dict(env.metadata), getattr(env, "render_mode", None)

    @property
    def agents(self) -> list[Any]:
        """Those in the episode at present."""
        return list(self.env.agents)

    @property
    def last_info(self) -> dict[str, Any]:
        """What the environment has said of the episode so far, of all agents together."""
        return dict(self.env.last_info)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[Any, dict[str, Any]]]:
        """As the environment's."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return observations, infos

    def step(self, action_dict: dict[Any, Any]) -> MultiAgentStep:
        """As the environment's."""
        observations, rewards, terminateds, truncateds, infos = self.env.step(action_dict)
        return observations, rewards, terminateds, truncateds, infos

    def render(self) -> Any:
        """As the environment's."""
        return self.env.render()

    def close(self) -> None:
        """Closes the environment."""
        self.env.close()
