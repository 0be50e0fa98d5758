"""RLlib's own env runners with memory that does not grow with an episode's length.

RLlib keeps every part of a training episode until it ends, for the metrics of all of it, and builds an evaluation's
episode in one piece.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import tree

from rlexp.environment.guards.long_episodes import most_steps, thinned

LOOK = 256
"""Steps of the environments between two looks at how long the episodes of an evaluation have become."""
_OBJECT_BYTES = 100
"""Of each array or number of a step, beside its data."""


class BoundedEpisodes:
    """Mixed into one of RLlib's env runners, of one agent or of several: thins the parts of running episodes.

    Their figures stay exact. Callbacks that look at entire episodes find an `EarlierSteps` first (see
    `rlexp.environment.guards.long_episodes`).
    """

    config: Any
    num_envs: int
    _ongoing_episodes: list[Any]
    _ongoing_episodes_for_metrics: dict[str, list[Any]]
    _callbacks: list[Any]
    _cuts = False
    _vector_steps = 0

    def sample(self, **kwargs: Any) -> Any:
        """As RLlib's."""
        # Elsewhere, who asks for episodes learns from them.
        self._cuts = kwargs.get("num_episodes") is not None and self.config.in_evaluation
        sampled = super().sample(**kwargs)  # type: ignore[misc]
        for env in range(self.num_envs if self._ongoing_episodes_for_metrics else 0):
            self._thin(env)
        return sampled

    def _try_env_step(self, actions: Any) -> Any:
        self._vector_steps += 1
        if self._cuts and self._vector_steps % LOOK == 0:
            for env, episode in enumerate(self._ongoing_episodes):
                self._cut(env, episode)
        return super()._try_env_step(actions)  # type: ignore[misc]

    def _cut(self, env: int, episode: Any) -> None:
        """As RLlib does at the end of a training fragment, of an episode as long as what is kept."""
        if len(episode) < _most(episode, self.num_envs):
            return
        lookback = self.config.episode_lookback_horizon
        self._ongoing_episodes[env] = episode.cut(len_lookback_buffer=lookback)
        self._ongoing_episodes_for_metrics[episode.id_].append(episode)
        self._thin(env)

    def _thin(self, env: int) -> None:
        id_ = self._ongoing_episodes[env].id_
        if parts := self._ongoing_episodes_for_metrics.get(id_):
            most = _most(parts[-1], self.num_envs)
            self._ongoing_episodes_for_metrics[id_] = thinned(parts, most, partial(self._forget, env))

    def _forget(self, env: int, part: Any, steps: int) -> None:
        for callback in self._callbacks:
            if (forgets := getattr(callback, "on_steps_forgotten", None)) is not None:
                forgets(part=part, steps=steps, env_index=env)


def _most(part: Any, num_envs: int) -> int:
    return most_steps(bytes_of_a_step(part), num_envs)


def bytes_of_a_step(part: Any) -> int:
    """What the last step of an episode's part takes, over all agents, roughly."""
    agents = getattr(part, "agent_episodes", None)
    return sum(_bytes(each) for each in ([part] if agents is None else agents.values()))


def _bytes(part: Any) -> int:
    columns = [part.observations, part.infos, part.actions, part.rewards, *part.extra_model_outputs.values()]
    leaves = tree.flatten([column.get(-1) for column in columns if len(column)])
    return sum(np.asarray(leaf).nbytes + _OBJECT_BYTES for leaf in leaves)
