"""RLlib's single-agent env runner, keeping fatal errors."""

from __future__ import annotations

import logging
from typing import Any

from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from ray.rllib.env.env_runner import ENV_STEP_FAILURE
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

from rlexp.base.headline_metrics import ENV_FAILURES
from rlexp.base.seeds import seed_after_crashes
from rlexp.engine.runners.runner_base import RunnerBase
from rlexp.environment.env_errors import EnvBrokenError
from rlexp.environment.guards.vector_infos import MergedInfos
from rlexp.environment.hangs.lost_process import end_processes, lost_process

_log = logging.getLogger(__name__)

_MOST_CRASHES = 10
"""So many crashes of environments' processes, with no good step in between, end the run."""


class GuardedEnvRunner(RunnerBase, SingleAgentEnvRunner):
    """RLlib's; makes its environments anew when a process of theirs is gone.

    A class of its own in a module of its own, so that other processes find it by name.
    """

    _crashes = _crashes_in_a_row = 0

    def _dispatch_tasks(self) -> None:
        try:
            super()._dispatch_tasks()
        except (EOFError, ConnectionError) as error:
            self._renew_after(error)  # The new environments have been handed them.
            self._needs_initial_reset = True

    def make_env(self) -> None:
        """As RLlib's, which tells an environment's own vector form nothing of the runner that it is for."""
        if self.config.gym_env_vectorize_mode == "vector_entry_point":
            self.config.env_config = {**self.config.env_config, "worker_index": self.worker_index}
        super().make_env()
        vector = self.env.unwrapped
        if isinstance(vector, (SyncVectorEnv, AsyncVectorEnv)):
            vector._add_info = MergedInfos(vector.num_envs)

    def _try_env_step(self, actions: Any) -> Any:
        try:
            result = super()._try_env_step(actions)
            self._crashes_in_a_row = 0
            return result
        except RuntimeError as error:  # RLlib's, around the environments' own
            self._renew_after(error)
            return ENV_STEP_FAILURE

    def _try_env_reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        while True:
            try:
                return super()._try_env_reset(seed=self._seed_after_crashes(seed), options=options)
            except Exception as error:
                self._renew_after(error)

    def _seed_after_crashes(self, seed: int | None) -> int | None:
        """The same episodes would end in the same crash."""
        return seed_after_crashes(seed, self._crashes)

    def _renew_after(self, error: Exception) -> None:
        """New environments where a process of theirs is gone; what an environment raised is its guard's word.

        Raises:
            EnvBrokenError: it was one time too many.
            Exception: `error`, where no process is gone.
        """
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
        how = lost_process(self.env, cause)
        if how is None:
            raise error
        while True:
            self._crashes += 1
            self._crashes_in_a_row += 1
            self._count_failure()
            end_processes(self.env)
            if self._crashes_in_a_row >= _MOST_CRASHES:
                raise EnvBrokenError(
                    f"an environment's process died {self._crashes_in_a_row} times in a row, with no good step in "
                    f"between; the last time, {how}"
                ) from error
            _log.warning("an environment's process died (%s): all %d are made anew", how, self.num_envs)
            try:
                self.make_env()
                return
            except (EOFError, ConnectionError):
                how = "while it was made"

    def _count_failure(self) -> None:
        self.metrics.log_value(ENV_FAILURES, 1, reduce="sum")
