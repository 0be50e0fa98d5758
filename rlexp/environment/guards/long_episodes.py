"""How much of a very long episode stays in memory for callbacks that look at its earlier parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

KEPT_STEPS = 20_000
"""Steps of one episode, at least those of the last sample, that callbacks find in its earlier parts."""
KEPT_BYTES = 256 * 2**20
"""As far as so much memory holds them, over all environments of a runner."""


class EarlierSteps:
    """The beginning of an episode, of which only figures are left: memory stays flat however long an episode is.

    Attributes:
        id_: the episode's.
        t_started, env_t_started: 0, where the episode began.
        t, env_t: env steps up to the first part in memory.
        agent_episodes: of several agents, the figures of each.
    """

    def __init__(self, part: Any) -> None:
        self.id_, self.t_started = part.id_, _span(part)[0]
        self.t = self.t_started
        self.is_done = self.is_terminated = self.is_truncated = False
        self.agent_episodes: dict[Any, _EarlierOfAgent] = {}
        self._return = self._seconds = 0.0

    @property
    def env_t_started(self) -> int:
        """RLlib's name for it where there are several agents."""
        return self.t_started

    @property
    def env_t(self) -> int:
        """See `env_t_started`."""
        return self.t

    def add(self, part: Any, steps: int) -> None:
        """Takes in the part that follows, of so many steps."""
        self.t += steps
        self._return += part.get_return()
        self._seconds += _seconds(part)
        for agent, episode in getattr(part, "agent_episodes", {}).items():
            self.agent_episodes.setdefault(agent, _EarlierOfAgent(episode)).add(episode)

    def __len__(self) -> int:
        return self.t - self.t_started

    def get_return(self) -> float:
        """Sum of the rewards."""
        return self._return

    def get_duration_s(self) -> float:
        """Seconds that the steps took."""
        return self._seconds

    def get_actions(self, *_: Any, **__: Any) -> list[Any]:
        """None are left."""
        return []

    get_observations = get_infos = get_rewards = get_actions


class _EarlierOfAgent:
    """What is left of one agent's steps.

    Attributes:
        agent_id: the agent's.
        module_id: of the module that acts for it.
    """

    def __init__(self, episode: Any) -> None:
        self.agent_id, self.module_id = episode.agent_id, episode.module_id
        self._steps, self._return = 0, 0.0

    def add(self, episode: Any) -> None:
        """Takes in the agent's part that follows."""
        self._steps += len(episode)
        self._return += episode.get_return()

    def __len__(self) -> int:
        return self._steps

    def get_return(self) -> float:
        """Sum of the agent's rewards."""
        return self._return


def _span(part: Any) -> tuple[int, int]:
    """Env steps at which a part began and ended."""
    return (part.env_t_started, part.env_t) if hasattr(part, "env_t") else (part.t_started, part.t)


def _seconds(part: Any) -> float:
    return float(part.get_duration_s()) if hasattr(part, "get_duration_s") else 0.0


def most_steps(step_bytes: int, num_envs: int) -> int:
    """Steps of each environment's episode that stay in memory.

    Args:
        step_bytes: what one environment's step takes.
        num_envs: environments of the runner.
    """
    return max(256, min(KEPT_STEPS, KEPT_BYTES // max(1, step_bytes * num_envs)))


def thinned(parts: list[Any], most: int, forget: Callable[[Any, int], None]) -> list[Any]:
    """The parts of a running episode, the oldest of them merged into one `EarlierSteps` where there are too many steps.

    Args:
        parts: in order; may begin with an `EarlierSteps`.
        most: steps to keep, at least those of the last part.
        forget: called with each part that goes, and its steps, before it does.
    """
    if len(parts) < 2:
        return parts
    # Asked after each sampling, which off-policy is each step: without a look at every part.
    steps_left = _span(parts[-1])[1] - _span(parts[0])[0]
    steps_left -= len(parts[0]) if isinstance(parts[0], EarlierSteps) else 0
    if steps_left <= most:
        return parts
    rest, lengths = list(parts), _lengths(parts)
    earlier = rest.pop(0) if isinstance(rest[0], EarlierSteps) else EarlierSteps(rest[0])
    lengths = lengths[len(lengths) - len(rest) :]
    while len(rest) > 1 and steps_left > most:
        part, steps = rest.pop(0), lengths.pop(0)
        forget(part, steps)
        earlier.add(part, steps)
        steps_left -= steps
    return [earlier, *rest]


def _lengths(parts: Sequence[Any]) -> list[int]:
    """Env steps of each; a learner in this process lengthens those that it sees."""
    spans = [_span(part) for part in parts]
    ends = [begun for begun, _ in spans[1:]] + [ended for _, ended in spans[-1:]]
    return [end - begun for (begun, _), end in zip(spans, ends, strict=True)]
