"""Evaluations that could not be made because no evaluation runner lives: told each time, and an error in the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import RunFailedError
from rlexp.base.events import Record, RunInfo
from rlexp.base.metric_names import EVAL_S
from rlexp.compat import rllib
from rlexp.environment.hangs import interrupt_sampling

if TYPE_CHECKING:
    from rlexp.run.trainable import RunTrainable

KEY = "evaluation.evaluation_error_after_n_consecutive_skips"
_RLLIBS_COUNT = "num_consecutive_eval_no_workers_iterations"


class SkippedEvaluations:
    """A listener of the run: counts evaluations that were due and skipped, one after another.

    RLlib skips them in silence and repeats the last result. Its own count leaves out evaluations whose runners
    died in the middle, and its error speaks of keys that no config here has.

    Args:
        trainable: of the run.
        warn: tells the person.
    """

    def __init__(self, trainable: RunTrainable, warn: Callable[[str], None]) -> None:
        self._turns, self._algorithm = trainable.turns, trainable.algorithm
        self._warn, self._in_a_row = warn, 0

    def on_run_start(self, run: RunInfo) -> None:
        """Nothing to do."""

    def on_record(self, record: Record) -> None:
        """Looks whether an evaluation was due and made: `record` has `perf/eval_s` then.

        Raises:
            RunFailedError: so many in a row were skipped as the config allows.
        """
        config = self._algorithm.config
        if not self._turns.was_due or interrupt_sampling.happened():
            return
        if EVAL_S in record:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        rllib.set_counter(self._algorithm, _RLLIBS_COUNT, 0)
        most = config.evaluation_error_after_n_consecutive_skips
        why = f"{self._alive()} of {config.evaluation_num_env_runners} evaluation runners alive, no episode made"
        if most is not None and self._in_a_row >= most:
            raise RunFailedError(
                f"{self._in_a_row} evaluations in a row were skipped: {why}; log.txt has the runners' errors\n"
                f"  rlexp resume starts new ones; {KEY}=null goes on without evaluation"
            )
        allowed = "" if most is None else f" ({self._in_a_row} in a row; {most} end the run)"
        self._warn(f"evaluation skipped at iteration {record.get('iteration')}: {why}{allowed}")

    def on_checkpoint(self, path: Path, record: Record) -> None:
        """Nothing to do."""

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None:
        """Nothing to do."""

    def _alive(self) -> int:
        group = self._algorithm.eval_env_runner_group
        return int(group.num_healthy_remote_env_runners()) if group is not None else 0
