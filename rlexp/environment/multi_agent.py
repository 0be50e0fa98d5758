"""Environments with several agents: recognising them, and what they report of an episode.

RLlib is never imported here: an environment with several agents has imported it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rlexp.environment.info_keys import SUCCESS_KEYS

COMMON = "__common__"
"""Key of an info that concerns no agent or all of them."""
ALL = "__all__"
"""Key of what ends the episode of all agents."""


def is_multi_agent(env: Any) -> bool:
    """True if an environment is one of RLlib's `MultiAgentEnv`s."""
    module = sys.modules.get("ray.rllib.env.multi_agent_env")
    base = getattr(module, "MultiAgentEnv", None)
    return base is not None and isinstance(env, base)


def ended(terminateds: Mapping[Any, bool], truncateds: Mapping[Any, bool]) -> bool:
    """True if a step ended the episode of all agents."""
    return bool(terminateds.get(ALL)) or bool(truncateds.get(ALL))


def joined(infos: Mapping[Any, Mapping[str, Any]]) -> dict[str, Any]:
    """One info for several agents.

    What stands under `__common__` counts as it is. Of the rest, success is that of any agent, other numbers are the
    mean over the agents that report them, and anything else is the first agent's.

    Args:
        infos: each agent's last info, by agent.
    """
    reported: dict[str, list[Any]] = {}
    for agent, info in infos.items():
        for key, value in info.items() if agent != COMMON else ():
            reported.setdefault(key, []).append(value)
    return {**{key: _of_all(key, values) for key, values in reported.items()}, **infos.get(COMMON, {})}


def _of_all(key: str, values: list[Any]) -> Any:
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        return values[0]
    return max(numbers) if key in SUCCESS_KEYS else sum(numbers) / len(numbers)


def last_info(episode: Any, env: Any = None, env_index: int | None = None) -> Any:
    """The last info of an episode, for one agent or several.

    RLlib's episodes of several agents drop infos of no agent and those without an observation, so that the
    environment itself is asked there.

    Args:
        episode: RLlib's, as a callback is handed it.
        env: likewise, the vector environment.
        env_index: likewise, which of its environments the episode is of.
    """
    if not hasattr(episode, "agent_episodes"):
        return episode.get_infos(-1)
    return env.envs[env_index].unwrapped.last_info
