"""Says once when a run spends more time on evaluation than on training."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlexp.base.events import Record, RunInfo
from rlexp.base.metric_names import EVAL_S
from rlexp.run.bookkeeping.clock import EVALUATION, TRAINING

if TYPE_CHECKING:
    from rlexp.run.bookkeeping.clock import Clock

KEY = "evaluation.evaluation_interval_env_steps"
LEAST_S = 5.0
"""Seconds of evaluation below which nobody minds."""
LEAST_TIMES = 2
"""The first evaluation alone says little: learning may not have begun."""
GOOD_SHARE = 0.2
"""Of training's time that the advised interval leaves to evaluation."""


class EvaluationCost:
    """A listener of the run.

    Args:
        clock: the run's.
        warn: tells the person.
    """

    def __init__(self, clock: Clock, warn: Callable[[str], None]) -> None:
        self._clock, self._warn = clock, warn
        self._times, self._said = 0, False

    def on_run_start(self, run: RunInfo) -> None:
        """Nothing to do."""

    def on_record(self, record: Record) -> None:
        """Compares the seconds so far, after each evaluation."""
        if EVAL_S not in record:
            return
        self._times += 1
        evaluation, training = self._clock.spent[EVALUATION], self._clock.spent[TRAINING]
        if self._said or self._times < LEAST_TIMES or evaluation < max(LEAST_S, training):
            return
        self._said = True
        steps = int(record["env_steps"])
        self._warn(
            f"evaluation has taken more time than training: {evaluation:,.0f} s against {training:,.0f} s after "
            f"{steps:,} env steps\n"
            f"  {KEY}={_rarer(steps / self._times, evaluation, training)} evaluates less often, "
            "evaluation.evaluation_duration=<n> less long"
        )

    def on_checkpoint(self, path: Path, record: Record) -> None:
        """Nothing to do."""

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None:
        """Nothing to do."""


def _rarer(interval: float, evaluation: float, training: float) -> int:
    """Env steps between evaluations that bring them to `GOOD_SHARE`, rounded up to one digit."""
    wanted = max(1.0, interval * evaluation / (GOOD_SHARE * max(training, 1e-3)))
    unit = 10 ** math.floor(math.log10(wanted))
    return math.ceil(wanted / unit) * unit
