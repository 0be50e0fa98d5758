"""RLlib's episode objects, made from rows where somebody wants one."""

from __future__ import annotations

import uuid
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import tree
from gymnasium.wrappers.vector import DictInfoToList
from ray.rllib.env.single_agent_episode import SingleAgentEpisode

from rlexp.engine.sampling.steps import Steps


class EpisodeView(SingleAgentEpisode):
    """One sub-environment's rows `first` to `last` as an episode (or a part of one) that has ended or was cut.

    What most callbacks ask for (`t`, `get_return()`, the last info, the actions) is read from the rows; anything
    else makes the full episode, which from then on is an ordinary one.

    Args:
        before: the part of the same episode that ended where this begins, if there is one.
        lookback: so many of the steps before this part stay in reach, as in RLlib's episodes that were cut.
    """

    if TYPE_CHECKING:
        id_: str
        t_started: int
    _length: int

    def __init__(
        self,
        steps: Steps,
        env: int,
        first: int,
        last: int,
        spaces: tuple[gym.Space, gym.Space],
        before: EpisodeView | None = None,
        lookback: int = 0,
    ) -> None:
        self._rows, self._is_made = (steps, env, first, last), False
        # Not the part before itself: through it all that are gone would be kept.
        self._reach = before.last_rows(lookback) if before is not None else []
        self._observation_space, self._action_space = spaces
        self.id_ = uuid.uuid4().hex if before is None else before.id_
        self.agent_id = self.module_id = self.multi_agent_episode_id = None
        self.t_started = 0 if before is None else before.t_started + before._length
        self._length = last - first
        self.t = self.t_started + self._length
        done = last > first
        self.is_terminated = bool(done and steps.terminated[last - 1][env])
        self.is_truncated = bool(done and steps.truncated[last - 1][env])

    def __getattr__(self, name: str) -> Any:
        if name not in SingleAgentEpisode.__slots__ or self.__dict__.get("_is_made", True):
            raise AttributeError(name)
        self._make()
        return object.__getattribute__(self, name)

    def _make(self) -> None:
        self._is_made = True
        (steps, env, first, last), earlier = self._rows, self._reach
        parts = [*earlier, (steps, first, last)]
        spaces = self._observation_space, self._action_space
        super().__init__(
            self.id_,
            observations=[row_of(o, env) for s, i, j in parts for o in s.observations[i:j]]
            + [row_of(steps.observations[last], env)],
            infos=[info_of(info, env) for s, i, j in parts for info in s.infos[i:j]]
            + [info_of(steps.infos[last], env)],
            actions=[row_of(a, env) for s, i, j in parts for a in s.actions[i:j]],
            rewards=[float(r[env]) for s, i, j in parts for r in s.rewards[i:j]],
            extra_model_outputs={
                name: [row[name][env] for s, i, j in parts for row in s.outputs[i:j]]
                for name in (steps.outputs[0] if steps.outputs else ())
            },
            observation_space=spaces[0],
            action_space=spaces[1],
            terminated=self.is_terminated,
            truncated=self.is_truncated,
            t_started=self.t_started,
            len_lookback_buffer=sum(j - i for _, i, j in earlier),
        )

    def last_rows(self, wanted: int) -> list[tuple[Steps, int, int]]:
        """The rows of the last `wanted` steps up to the end of this part, in order, as (steps, first, last)."""
        steps, _, first, last = self._rows
        rows: list[tuple[Steps, int, int]] = []
        for each, begin, end in [(steps, first, last), *reversed(self._reach)]:
            if wanted <= 0:
                break
            rows.insert(0, (each, max(begin, end - wanted), end))
            wanted -= end - begin
        return rows

    def __len__(self) -> int:
        return self.t - self.t_started

    def get_return(self) -> float:
        """Sum of the rewards of this part."""
        if self._is_made:
            return super().get_return()
        steps, env, first, last = self._rows
        return float(sum(map(itemgetter(env), steps.rewards[first:last])))

    def get_infos(self, indices: Any = None, **options: Any) -> Any:
        """As an episode's; the last one without making the episode."""
        if indices == -1 and not options and not self._is_made:
            steps, env, _, last = self._rows
            return info_of(steps.infos[last], env)
        return super().get_infos(indices, **options)

    def get_actions(self, indices: Any = None, **options: Any) -> Any:
        """As an episode's; all of them without making the episode."""
        if indices is None and not options and not self._is_made:
            steps, env, first, last = self._rows
            rows = steps.actions[first:last]
            plain = rows and isinstance(rows[0], np.ndarray)
            return list(map(itemgetter(env), rows)) if plain else [row_of(row, env) for row in rows]
        return super().get_actions(indices, **options)


def info_of(infos: dict[str, Any], env: int) -> dict[str, Any]:
    """One sub-environment's info out of Gymnasium's dict of arrays."""
    if not infos:
        return {}
    return _Unbatch(_rows_of(infos)).infos(infos)[env]


class _Unbatch(DictInfoToList):
    """Gymnasium's own conversion, without an environment."""

    def __init__(self, num_envs: int) -> None:
        self._count = num_envs

    @property
    def num_envs(self) -> int:
        return self._count

    def infos(self, infos: dict[str, Any]) -> list[dict[str, Any]]:
        return self._convert_info_to_list(infos)


def _rows_of(infos: dict[str, Any]) -> int:
    return next(len(value) for key, value in infos.items() if key.startswith("_"))


def row_of(values: Any, env: int) -> Any:
    """One sub-environment's part of [N, ...] values."""
    return (
        values[env] if isinstance(values, np.ndarray) else tree.map_structure(lambda leaf: leaf[env], values)
    )
