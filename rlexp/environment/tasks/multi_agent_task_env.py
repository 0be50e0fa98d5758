"""`TaskEnv` for an environment of several agents."""

from __future__ import annotations

from typing import Any

from rlexp.environment.guards.multi_agent_guard import MultiAgentGuard
from rlexp.environment.info_keys import FAILURE, OUTCOME
from rlexp.environment.multi_agent import ended
from rlexp.environment.multi_agent_wrapper import MultiAgentStep, MultiAgentWrapper, Observations
from rlexp.environment.tasks.space import TaskSpace
from rlexp.environment.tasks.task_env import Apply, TaskMixin, with_task


class MultiAgentTaskEnv(TaskMixin, MultiAgentWrapper):
    """Draws one task for all agents before each reset; see `TaskMixin`.

    An outcome is that of all agents: its return is the sum over agents, its length counts env steps, and success
    and other infos are as `rlexp.environment.multi_agent.joined` has them.

    Args:
        env: the guarded environment.
        apply: how a task reaches it.
        measure: see `rlexp.environment.tasks.episode_measure`.
        observed: the task space, where the policy is shown the task's numbers, in every agent's observation.

    Raises:
        ValueError: the observation can take no task.
    """

    def __init__(
        self, env: MultiAgentGuard, apply: Apply, measure: str, observed: TaskSpace | None = None
    ) -> None:
        MultiAgentWrapper.__init__(self, env)
        TaskMixin.__init__(self, apply, measure, observed)
        if observed is not None:
            self.observation_spaces = {
                agent: with_task(space, observed) for agent, space in env.observation_spaces.items()
            }
        self._outcome_info: dict[str, Any] = {}

    @property
    def last_info(self) -> dict[str, Any]:
        """What the environment has said of the episode so far; once it has ended, with its outcome."""
        return {**self.env.last_info, **self._outcome_info}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[Any, dict[str, Any]]]:
        """Begins an episode with a task of its own."""
        self._outcome_info = {}
        observations, infos = self.env.reset(seed=seed, options=self._begin(self.env, options))
        return self._all_with_task_numbers(observations), infos

    def step(self, action_dict: dict[Any, Any]) -> MultiAgentStep:
        """Steps; at an episode's end `last_info` has its outcome, unless the environment failed in it."""
        observations, rewards, terminateds, truncateds, infos = self.env.step(action_dict)
        self._return += float(sum(rewards.values()))
        self._length += 1
        if ended(terminateds, truncateds) and self._draw is not None:
            info = self.env.last_info
            if FAILURE not in info:
                self._outcome_info = {OUTCOME: self._outcome(self._draw, info)}
        return self._all_with_task_numbers(observations), rewards, terminateds, truncateds, infos

    def _all_with_task_numbers(self, observations: Observations) -> Observations:
        if self._observed is None:
            return observations
        return {agent: self._with_task_numbers(observation) for agent, observation in observations.items()}
