"""The outermost wrapper of an environment that is given tasks: draws one for each episode and says what became of it.

Imported once environments are made: it imports Gymnasium.
"""

from __future__ import annotations

from typing import Any

import gymnasium

from rlexp.environment.guards.replaceable import FAILURE
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task_wrapper import NOT_LEARNT, OUTCOME, Apply, Tasked, with_task


class TaskEnv(Tasked, gymnasium.Wrapper):
    """Draws a task before each reset, in whatever process the environment lives; see `Tasked`.

    Args:
        env: the guarded environment.
        apply: how a task reaches it.
        measure: see `rlexp.environment.tasks.measure`.
        observed: the task space, where the policy is shown the task's numbers (a flat Box observation grows by
            them, a Dict one gets the key `task`).

    Raises:
        ValueError: the observation can take no task.
    """

    def __init__(
        self, env: gymnasium.Env, apply: Apply, measure: str, observed: TaskSpace | None = None
    ) -> None:
        gymnasium.Wrapper.__init__(self, env)
        Tasked.__init__(self, apply, measure, observed)
        if observed is not None:
            self.observation_space = with_task(env.observation_space, observed)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begins an episode with a task of its own."""
        observation, info = self.env.reset(seed=seed, options=self._begin(self.env, options))
        if self._draw is not None and not self._draw.train:
            info = {**info, NOT_LEARNT: True}
        return self._seen(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Steps; an episode's last info gets its outcome, unless the environment failed in it."""
        # The tuple is passed on as it is wherever it can be: this runs at each env step.
        step = self.env.step(action)
        self._return += step[1]
        self._length += 1
        if step[2] or step[3]:
            return self._last(*step)
        return step if self._observed is None else (self._seen(step[0]), *step[1:])

    def _last(
        self, observation: Any, reward: Any, terminated: bool, truncated: bool, info: dict[str, Any]
    ) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        if self._draw is not None and FAILURE not in info:
            info = {**info, OUTCOME: self._outcome(self._draw, info)}
        return self._seen(observation), reward, terminated, truncated, info
