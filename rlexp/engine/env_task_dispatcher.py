"""The way of a payload from a runner's connector to its environments, in its own process or in theirs."""

from __future__ import annotations

from typing import Any

from gymnasium.vector import VectorWrapper

from rlexp.engine.curriculum_connector import CurriculumConnector
from rlexp.environment.tasks.payload import Payload
from rlexp.environment.tasks.vector_task_env import VectorTaskEnv


class TaskDispatcher:
    """Hands a runner's vector environment each new payload, once.

    Args:
        piece: the runner's.
        worker_index: the runner's number, 0 or 1 for the first.
    """

    def __init__(self, piece: CurriculumConnector, worker_index: int) -> None:
        self._piece, self._first = piece, max(0, worker_index - 1)
        self._dispatched: tuple[Any, Payload] | None = None

    @property
    def with_signals(self) -> bool:
        """True if the learner adds signals to the outcomes."""
        return self._piece.payload is not None and self._piece.payload.with_signals

    def dispatch(self, vector: Any) -> None:
        """Before sampling and after environments were made: what the next resets draw from.

        Args:
            vector: Gymnasium's vector environment, synchronous or asynchronous, an environment's own with tasks, or
                RLlib's of several agents; with any wrappers.
        """
        vector = _that_takes_it(vector)
        payload = self._piece.payload
        if payload is None and self._piece.follows:
            # Never the wrong tasks.
            raise RuntimeError("this env runner has not received the curriculum")
        if payload is None or (self._dispatched is not None and self._same(vector, payload)):
            return
        if self._dispatched is None or self._dispatched[0] is not vector:
            self._number(vector)
        if isinstance(vector, VectorTaskEnv):
            vector.set_curriculum(payload)
        else:
            vector.call("set_curriculum", payload)
        self._dispatched = vector, payload

    def _number(self, vector: Any) -> None:
        """Sets each sub-environment's number over all runners."""
        first = self._first * vector.num_envs
        env_indices = range(first, first + vector.num_envs)
        if isinstance(vector, VectorTaskEnv):
            vector.env_indices = env_indices
        elif hasattr(vector, "set_attr"):
            vector.set_attr("env_index", list(env_indices))
        else:  # RLlib's vector of environments with several agents sets no attributes; all are in this process.
            for env, env_index in zip(vector.envs, env_indices, strict=True):
                env.unwrapped.env_index = env_index

    def _same(self, vector: Any, payload: Payload) -> bool:
        assert self._dispatched is not None
        environments, handed = self._dispatched
        return environments is vector and handed.age == payload.age


def _that_takes_it(vector: Any) -> Any:
    """What draws tasks beneath the wrappers: the environment's own vector form with tasks, or the innermost."""
    inner = vector
    while isinstance(inner, VectorWrapper):
        if isinstance(inner, VectorTaskEnv):
            return inner
        inner = inner.env
    return vector.unwrapped
