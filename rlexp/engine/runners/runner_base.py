"""What rlexp's env runners of one agent and of several share."""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any

from rlexp.base.headline_metrics import ENV_TIMER
from rlexp.base.seeds import runner_seed
from rlexp.compat.determinism import seed_without_compiler
from rlexp.engine.curriculum_connector import curriculum_piece
from rlexp.engine.env_task_dispatcher import TaskDispatcher
from rlexp.engine.runners.bounded_episodes import BoundedEpisodes
from rlexp.engine.runners.fatal_errors import FatalErrorKeeper
from rlexp.environment.guards.process_state import ProcessState

seed_without_compiler()  # Here, since every process that samples loads this module before RLlib seeds it.


class RunnerBase(BoundedEpisodes, FatalErrorKeeper):
    """Mixed into one of RLlib's env runners: hands its environments their tasks, and measures their time."""

    metrics: Any
    _env_to_module: Any
    _seed: int | None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self._seed is not None and self.worker_index:
            self._seed = runner_seed(self._seed, self.worker_index, self.config.num_envs_per_env_runner)
        self._env_s = 0.0

    @cached_property
    def _dispatcher(self) -> TaskDispatcher | None:
        """The way of tasks to the environments; None where the run has no curriculum."""
        piece = curriculum_piece(self._env_to_module)
        return TaskDispatcher(piece, self.worker_index or 0) if piece is not None else None

    def sample(self, **kwargs: Any) -> Any:
        """As RLlib's; new environments and new tasks meet here."""
        self._dispatch_tasks()
        return super().sample(**kwargs)

    def _dispatch_tasks(self) -> None:
        if self._dispatcher is not None and self.env is not None:
            self._dispatcher.dispatch(self.env)

    def make_env(self) -> None:
        """As RLlib's."""
        self._process = ProcessState()
        try:
            super().make_env()  # type: ignore[misc]
        finally:
            self._process.restore()
        if hasattr(self, "_env_to_module"):  # Made anew, in the middle of sampling.
            self._dispatch_tasks()

    def _try_env_step(self, actions: Any) -> Any:
        begin = time.perf_counter()
        try:
            return super()._try_env_step(actions)
        finally:
            self._process.restore()
            self._env_s += time.perf_counter() - begin

    def get_metrics(self) -> Any:
        """As RLlib's, with the seconds that the environments took."""
        self.metrics.log_value(ENV_TIMER, self._env_s, reduce="sum")
        self._env_s = 0.0
        return super().get_metrics()  # type: ignore[misc]
