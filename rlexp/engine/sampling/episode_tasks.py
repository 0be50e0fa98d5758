"""What the infos of a rollout's rows say of its episodes' tasks: which are learnt from, and how they ended."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlexp.engine.sampling.rollout import Ended
from rlexp.engine.sampling.steps import Steps
from rlexp.environment.tasks.task_wrapper import NOT_LEARNT, OUTCOME

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


def ended(steps: Steps) -> list[Ended]:
    """The episodes that ended, in order; without those in which the environment failed."""
    return [
        Ended(row, int(env), infos[OUTCOME][env])
        for row, infos in enumerate(steps.infos[1:])
        if OUTCOME in infos
        for env in np.flatnonzero(infos[f"_{OUTCOME}"])
    ]


def _marked(infos: dict[str, Any], num_envs: int) -> Mask:
    marks = infos.get(f"_{NOT_LEARNT}")
    return np.zeros(num_envs, np.bool_) if marks is None else np.asarray(marks, np.bool_)
