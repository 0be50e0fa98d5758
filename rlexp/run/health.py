"""Signs that a run goes wrong: no env steps, evaluations that are skipped or too dear, metrics that never come."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rlexp.base.errors import RunFailedError
from rlexp.base.events import QuietListener, Record
from rlexp.base.headline_metrics import EVAL_S, TRAIN_RETURN
from rlexp.compat import rllib
from rlexp.environment.hangs import interrupt_sampling
from rlexp.run.bookkeeping.counters import EVALUATION, TRAINING, Clock

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

    from rlexp.run.bookkeeping.evaluation_turns import EvaluationTurns

STALLED_ITERATIONS, STALLED_S = 3, 30.0
"""Without an env step: so many iterations, and so many seconds where iterations do not wait for samples."""
SKIPS_KEY = "evaluation.evaluation_error_after_n_consecutive_skips"
_RLLIBS_COUNT = "num_consecutive_eval_no_workers_iterations"
INTERVAL_KEY = "evaluation.evaluation_interval_env_steps"
LEAST_S = 5.0
"""Seconds of evaluation below which nobody minds."""
LEAST_TIMES = 2
"""The first evaluation alone says little: learning may not have begun."""
GOOD_SHARE = 0.2
"""Of training's time that the advised interval leaves to evaluation."""
REPORTS = 10
"""Iterations in which episodes ended after which a metric should have been there once."""
ITERATIONS = 100
"""Iterations after which it should, whatever ended."""


def stall_patience_s(config: AlgorithmConfig, waits_for_samples: bool) -> float:
    """Seconds without an env step that are borne.

    While all runners are restarting, there is nobody whose samples an iteration could wait for: it takes 3 s, and on
    a busy machine a process needs far longer to start. So they get the time in which a restarted one must be ready.

    Args:
        config: of RLlib, as it is built.
        waits_for_samples: whether the algorithm's iterations do, up to `sample_timeout_s`, where a runner lives.
    """
    if config.num_env_runners and config.restart_failed_env_runners:
        return max(STALLED_S, float(config.env_runner_restore_timeout_s))
    return 0.0 if waits_for_samples else STALLED_S


class StallWatch:
    """Ends a run whose iterations sample nothing any more.

    Args:
        patience_s: seconds without an env step that are borne, however many iterations they have.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s, self._idle_iterations, self._last_step_at = patience_s, 0, 0.0

    def update(self, new_env_steps: int) -> None:
        """Takes in an iteration.

        Raises:
            RunFailedError: it was one too many without an env step.
        """
        if new_env_steps or not self._idle_iterations:
            self._last_step_at = time.monotonic()
        self._idle_iterations = 0 if new_env_steps else self._idle_iterations + 1
        stalled = self._idle_iterations >= STALLED_ITERATIONS
        if stalled and time.monotonic() - self._last_step_at >= self._patience_s:
            raise RunFailedError(
                f"no environment step was made in {self._idle_iterations} iterations: every env runner is "
                "failing or too slow for hardware.sample_timeout_s; log.txt has their errors"
            )


class SkippedEvaluations(QuietListener):
    """Counts evaluations that were due and could not be made because no evaluation runner lives.

    Says so each time, and ends the run where it has been so often enough in a row.

    RLlib skips them in silence and repeats the last result. Its own count leaves out evaluations whose runners
    died in the middle, and its error speaks of keys that no config here has.

    Args:
        algorithm: RLlib's, built.
        turns: when the run evaluates.
        warn: prints a line.
    """

    def __init__(self, algorithm: Algorithm, turns: EvaluationTurns, warn: Callable[[str], None]) -> None:
        self._turns, self._algorithm = turns, algorithm
        self._warn, self._in_a_row = warn, 0

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
                f"  rlexp resume starts new ones; {SKIPS_KEY}=null goes on without evaluation"
            )
        allowed = "" if most is None else f" ({self._in_a_row} in a row; {most} end the run)"
        self._warn(f"evaluation skipped at iteration {record.get('iteration')}: {why}{allowed}")

    def _alive(self) -> int:
        group = self._algorithm.eval_env_runner_group
        return int(group.num_healthy_remote_env_runners()) if group is not None else 0


class EvaluationCost(QuietListener):
    """Says once when a run spends more time on evaluation than on training.

    Args:
        clock: the run's.
        warn: prints a line.
    """

    def __init__(self, clock: Clock, warn: Callable[[str], None]) -> None:
        self._clock, self._warn = clock, warn
        self._times, self._said = 0, False

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
            f"  {INTERVAL_KEY}={_rarer(steps / self._times, evaluation, training)} evaluates less often, "
            "evaluation.evaluation_duration=<n> less long"
        )


class AwaitedMetrics(QuietListener):
    """Says early when a metric that a setting reads does not come: a run may be long, and its stop rule never hold.

    Args:
        unseen: the metrics that are waited for, each with the key of the setting; the loop takes out what has come.
        warn: prints a line.
    """

    def __init__(self, unseen: Mapping[str, str], warn: Callable[[str], None]) -> None:
        self._unseen, self._warn = unseen, warn
        self._reports = self._iterations = 0
        self._said = False

    def on_record(self, record: Record) -> None:
        """Warns once of all that should have come by now."""
        self._iterations += 1
        self._reports += TRAIN_RETURN in record
        missing = {name: key for name, key in self._unseen.items() if name not in record}
        if self._said or not missing or (self._reports < REPORTS and self._iterations < ITERATIONS):
            return
        self._said = True
        for name, key in missing.items():
            self._warn(
                f"{key}: {name} has not been logged in {self._iterations} iterations "
                f"({int(record['env_steps']):,} env steps); what reads it has no effect until it is"
            )


def _rarer(interval: float, evaluation: float, training: float) -> int:
    """Env steps between evaluations that bring them to `GOOD_SHARE`, rounded up to one digit."""
    wanted = max(1.0, interval * evaluation / (GOOD_SHARE * max(training, 1e-3)))
    unit = 10 ** math.floor(math.log10(wanted))
    return math.ceil(wanted / unit) * unit
