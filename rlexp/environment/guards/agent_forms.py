"""What `Form` asks of what an environment of one agent returns, asked for each of several. It imports Gymnasium."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gymnasium import spaces

from rlexp.environment.errors import MisbehavedError
from rlexp.environment.guards.form import Form, shown
from rlexp.environment.guards.notices import Notices

BY_AGENT = "return a dict with an entry for each agent"


class AgentForms:
    """Judges what `reset` and `step` of one environment with several agents return.

    Args:
        observation_spaces: by agent, of all possible agents.
        name: what messages call the environment.
        mode: `strict`, `warn` or `off`, as for `Form`.
        notices: where oddities are noted, of whichever agent.
        when: says at which step, for messages.

    Attributes:
        whole: judges what concerns no single agent.
    """

    def __init__(
        self,
        observation_spaces: Mapping[Any, spaces.Space],
        name: str,
        mode: str,
        notices: Notices,
        when: Callable[[], str],
    ) -> None:
        self._name, self._when = name, when
        self.whole = Form(spaces.Dict({}), name, mode, notices, when)
        self._forms = {
            agent: Form(space, f"{name} (agent {agent!r})", mode, notices, when)
            for agent, space in observation_spaces.items()
        }

    def observations(self, value: Any) -> dict[Any, Any]:
        """Each agent's observation, as its space has it.

        Raises:
            MisbehavedError: it is no dict by agent, or one has another shape or type.
        """
        return {
            agent: self._of(agent, "an observation").observation(seen)
            for agent, seen in self._by_agent(value, "observations").items()
        }

    def rewards(self, value: Any) -> dict[Any, float]:
        """Each agent's reward as one number.

        Raises:
            MisbehavedError: it is no dict by agent, or a reward is no number.
        """
        return {
            agent: self._of(agent, "a reward").reward(reward)
            for agent, reward in self._by_agent(value, "rewards").items()
        }

    def flags(self, value: Any, which: str) -> dict[Any, bool]:
        """Each agent's and `__all__`'s `terminated` or `truncated` as true or false.

        Args:
            value: what the environment returned.
            which: `terminated` or `truncated`.

        Raises:
            MisbehavedError: it is no dict by agent, or an entry is neither.
        """
        return {
            agent: self._forms.get(agent, self.whole).flag(ended, _named(which, agent, self._forms))
            for agent, ended in self._by_agent(value, f"{which}s").items()
        }

    def infos(self, value: Any) -> dict[Any, dict[str, Any]]:
        """Each agent's info as a dict; those of no agent too."""
        infos = self.whole.info(value, "infos")
        return {agent: self._forms.get(agent, self.whole).info(info) for agent, info in infos.items()}

    def _by_agent(self, value: Any, what: str) -> dict[Any, Any]:
        if isinstance(value, dict):
            return value
        raise MisbehavedError.returned(
            self._name, f"{shown(value)} as {what}, not a dict by agent,", self._when(), BY_AGENT
        )

    def _of(self, agent: Any, what: str) -> Form:
        if (form := self._forms.get(agent)) is not None:
            return form
        raise MisbehavedError.returned(
            self._name,
            f"{what} of the agent {agent!r}, which is not among its possible_agents {list(self._forms)},",
            self._when(),
            "all agents that may ever appear in possible_agents",
        )


def _named(which: str, agent: Any, agents: Mapping[Any, Any]) -> str:
    """`terminated`, for an entry of no agent with its key: `terminated['__all__']`."""
    return which if agent in agents else f"{which}s[{agent!r}]"
