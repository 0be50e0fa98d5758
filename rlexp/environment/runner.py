"""RLlib's single-agent env runner, keeping fatal errors. Imported once training starts: it imports RLlib."""

from __future__ import annotations

import time
from typing import Any

from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

from rlexp.environment.fatal import FatalErrorKeeper
from rlexp.metrics.headline import ENV_TIMER


class GuardedEnvRunner(FatalErrorKeeper, SingleAgentEnvRunner):
    """A class of its own in a module of its own, so that other processes find it by name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self._seed is not None and self.worker_index:
            # RLlib seeds environment j of runner i with seed + i + j, so that neighbouring runners' first
            # episodes would be the same; this gives each runner a stretch of seeds of its own.
            self._seed += (self.worker_index - 1) * (self.config.num_envs_per_env_runner - 1)
        self._env_s = 0.0

    def _try_env_step(self, actions: Any) -> Any:
        begin = time.perf_counter()
        try:
            return super()._try_env_step(actions)
        finally:
            self._env_s += time.perf_counter() - begin

    def get_metrics(self) -> Any:
        """As RLlib's, with the seconds that the environments took."""
        self.metrics.log_value(ENV_TIMER, self._env_s, reduce="sum")
        self._env_s = 0.0
        return super().get_metrics()
