"""The rows of a rollout while it is being collected, and what their infos say of episodes' tasks."""

from __future__ import annotations

from typing import Any

import numpy as np
import tree
from numpy.typing import NDArray

from rlexp.engine.rollout import EndedEpisode, Rollout
from rlexp.environment.info_keys import NOT_LEARNT, OUTCOME

Array = NDArray[Any]


class Steps:
    """One array for each vector step and column, in the order they come; `Rollout` says what they hold.

    Attributes:
        infos: what the vector environment returned with each observation, Gymnasium's dict of arrays.
    """

    __slots__ = (
        "actions",
        "continues",
        "embeddings",
        "infos",
        "observations",
        "outputs",
        "rewards",
        "started",
        "states",
        "terminated",
        "truncated",
        "valid",
    )

    def __init__(
        self, observation: Any, state: Any, infos: dict[str, Any], started: Array, continues: bool
    ) -> None:
        self.observations, self.states, self.infos = [observation], [state], [infos]
        self.actions: list[Any] = []
        self.rewards: list[Array] = []
        self.terminated: list[Array] = []
        self.truncated: list[Array] = []
        self.valid: list[Array] = []
        self.outputs: list[dict[str, Array]] = []
        self.embeddings: list[Array | None] = []
        self.started, self.continues = started.copy(), continues

    def __len__(self) -> int:
        return len(self.rewards)

    def rollout(self, runner: int, weights_seq_no: int) -> Rollout:
        """All rows as columns."""
        return Rollout(
            observations=_stack(self.observations),
            actions=_stack(self.actions),
            rewards=np.array(self.rewards, np.float32),
            terminated=np.array(self.terminated),
            truncated=np.array(self.truncated),
            valid=np.array(self.valid),
            outputs={name: _stack([row[name] for row in self.outputs]) for name in self.outputs[0]},
            embeddings=None if self.embeddings[0] is None else _stack(self.embeddings),
            states=None if self.states[0] is None else _stack(self.states),
            started=self.started,
            runner=runner,
            continues=self.continues,
            weights_seq_no=weights_seq_no,
        )


def _stack(rows: list[Any]) -> Any:
    if isinstance(rows[0], np.ndarray):
        return np.array(rows)
    return tree.map_structure(lambda *leaves: np.array(leaves), *rows)


def step_bytes(steps: Steps) -> int:
    """What one environment's step takes in memory, roughly."""
    leaves = tree.flatten([steps.observations[-1], steps.actions[-1:], steps.outputs[-1:]])
    rows = max(1, len(steps.rewards[-1]) if steps.rewards else 1)
    return 64 + sum(np.asarray(leaf).nbytes for leaf in leaves) // rows


Mask = NDArray[np.bool_]


class EpisodeTasks:
    """Reads a runner's rows once they are collected, so that a step costs nothing; for runs with a curriculum.

    Args:
        num_envs: N.
    """

    def __init__(self, num_envs: int) -> None:
        self._learnt = np.ones(num_envs, np.bool_)

    def learnt(self, steps: Steps) -> Mask | None:
        """[T, N]: whether each step's episode is learnt from; None for all.

        Every `Steps` must be shown, in turn: an episode's mark stands at its reset.
        """
        if not steps.continues:
            self._learnt = ~_marked(steps.infos[0], len(self._learnt))
        if self._learnt.all() and not any(NOT_LEARNT in infos for infos in steps.infos[1:]):
            return None
        rows = np.empty((len(steps), len(self._learnt)), np.bool_)
        for row, (valid, infos) in enumerate(zip(steps.valid, steps.infos[1:], strict=True)):
            rows[row] = self._learnt
            if not valid.all():  # The step was a reset, and its info is that of a new episode.
                self._learnt = np.where(valid, self._learnt, ~_marked(infos, len(valid)))
        return rows


def ended_episodes(steps: Steps) -> list[EndedEpisode]:
    """The episodes that ended, in order; without those in which the environment failed."""
    return [
        EndedEpisode(row, int(env), infos[OUTCOME][env])
        for row, infos in enumerate(steps.infos[1:])
        if OUTCOME in infos
        for env in np.flatnonzero(infos[f"_{OUTCOME}"])
    ]


def _marked(infos: dict[str, Any], num_envs: int) -> Mask:
    marks = infos.get(f"_{NOT_LEARNT}")
    return np.zeros(num_envs, np.bool_) if marks is None else np.asarray(marks, np.bool_)
