"""Ray Tune for a sweep: its trials side by side in warm processes, stopped in order when asked."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ray import cloudpickle, tune
from ray.exceptions import RayActorError
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import ConcurrencyLimiter, Searcher

from rlexp.compat import monotonic_clock
from rlexp.compat.lean_tune import lean
from rlexp.compat.lost_machine import LOST, Movable, MovableTrial
from rlexp.sweep.execution.monitor import SweepMonitor
from rlexp.sweep.execution.trial_trainable import REFUSED, SweepTrial
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.trials.trial_task import ENDED, VALUES

DIED = (
    "its process died: killed, out of memory, or a crash in native code; its log.txt, and error.txt where there is "
    "one, may say more"
)
UNKNOWN = "it failed; log.txt has more"
TUNE = ".tune"
"""Tune's own files in the sweep's folder; nothing in them is needed to go on."""
ENVIRONMENT = {
    # Each trial keeps its own records; Tune's would be a second, and its loggers cost a thread each.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Sweeps go on from the trials' folders. Tune's state grows with the trials and is written again and again.
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    # The score is missing until there has been an evaluation; `schedulers.score_only` keeps such results back.
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_MAX_PENDING_TRIALS_PG": "8",
    "RAY_AIR_NEW_OUTPUT": "0",
}


class PlannedTrials(Searcher):
    """Hands Tune the trials in the order in which they were planned.

    Args:
        names: the trials.
        values: those of a trial's settings that a scheduler changes, as they are now.
    """

    def __init__(self, names: Iterable[str], values: Callable[[str], dict[str, Any]] | None = None) -> None:
        super().__init__(metric="score", mode="max")
        self._names: Iterator[str] = iter(names)
        self._values = values

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Gives Tune the next trial."""
        name = next(self._names, None)
        if name is None:
            return Searcher.FINISHED
        return {"trial": name} if self._values is None else {"trial": name, VALUES: self._values(name)}

    def on_trial_complete(self, trial_id: str, result: dict | None = None, error: bool = False) -> None:
        """Nothing to learn from it."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the plan is in the sweep's folder."""

    def restore(self, checkpoint_path: str) -> None:
        """See `save`."""


class MonitorCallback(tune.Callback):
    """Reports to the sweep's monitor what happens to its trials."""

    def __init__(self, monitor: SweepMonitor, stopping: Callable[[], bool]) -> None:
        self._monitor, self._stopping = monitor, stopping
        self.any_failed = False

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Marks it as running."""
        self._monitor.report(_name(trial), "running")

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict, **info: Any
    ) -> None:
        """Reports that it has trained a while; one that was refused has not, and stands where it stood."""
        if result.get(REFUSED):
            return
        self._monitor.report(_name(trial), "running", result)

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """It is over: by itself, or because a scheduler or a person wants it."""
        result = trial.last_result or {}
        if refused := result.get(REFUSED):
            self._report_failure(trial, str(refused))
        elif result.get(ENDED):
            self._monitor.report(_name(trial), "done", result)
        else:
            self._monitor.report(_name(trial), "stopped" if self._stopping() else "pruned", result)

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Marks it as waiting: it failed, and may go on from its last checkpoint."""
        self._monitor.report(_name(trial), "waiting", error=_error_line(trial))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Marks it as failed: it failed as often as it may."""
        self._report_failure(trial, _error_line(trial))

    def _report_failure(self, trial: Trial, error: str) -> None:
        self.any_failed = True
        self._monitor.report(_name(trial), "failed", error=error)


class SweepStopper(tune.Stopper):
    """Stops all trials once `should_stop` says so, or after `wall_s` seconds.

    Args:
        should_stop: whether to stop now.
        wall_s: seconds; None for no limit.
        announce: called once as that begins, lest trials finish long iterations first: Tune does not wait for them.
    """

    def __init__(
        self, should_stop: Callable[[], bool], wall_s: float | None, announce: Callable[[], None]
    ) -> None:
        self._should_stop, self._announce, self._announced = should_stop, announce, False
        self._until = None if wall_s is None else time.monotonic() + wall_s

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Stops no single trial."""
        return False

    def stop_all(self) -> bool:
        """Whether the sweep ends now."""
        ends = self._should_stop() or self.is_late
        if ends and not self._announced:
            self._announced = True
            self._announce()
        return ends

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what cannot be pickled: Tune writes down what it was given, and nothing reads it again."""
        return {}

    @property
    def is_late(self) -> bool:
        """Whether the time is up."""
        return self._until is not None and time.monotonic() > self._until


def run_trials(
    monitor: SweepMonitor,
    common: Mapping[str, Any],
    searcher: Searcher,
    scheduler: TrialScheduler | None,
    *,
    stop: SweepStopper,
    listener: MonitorCallback,
    max_failures: int,
    concurrency: int | None,
    trials: int,
) -> None:
    """Runs the trials; Ray is running.

    Args:
        monitor: updated by `listener`.
        common: the fields of every trial's `TrialTask`.
        searcher: names the trials.
        scheduler: stops, pauses or clones them; None lets each run to its end.
        stop: when all are stopped.
        listener: updates `monitor`.
        max_failures: how often a trial that fails is continued.
        concurrency: trials side by side, at most; None: as many as there is room for.
        trials: how many there are, at most.
    """
    os.environ.update({name: value for name, value in ENVIRONMENT.items() if name not in os.environ})
    # It looks for the records of Tune's own loggers in the end.
    logging.getLogger("ray.tune.analysis.experiment_analysis").setLevel(logging.ERROR)
    _delete_tune_files(monitor.folder)
    monotonic_clock.install("ray.tune.trainable.trainable", "ray.tune.execution.tune_controller")
    try:
        # Not `Tuner`, which keeps a pickled copy of everything it is given.
        with lean():
            tune.run(
                SweepTrial,
                name=TUNE,
                storage_path=monitor.folder.place,
                config=dict(common),
                search_alg=Movable(
                    searcher if concurrency is None else ConcurrencyLimiter(searcher, concurrency)
                ),
                scheduler=scheduler,
                num_samples=trials,
                reuse_actors=True,
                stop=stop,
                callbacks=[listener],
                max_failures=max_failures,
                raise_on_failed_trial=False,
                trial_name_creator=_name,
                trial_dirname_creator=_name,
                verbose=0,
            )
    finally:
        _delete_tune_files(monitor.folder)


def _delete_tune_files(folder: SweepFolder) -> None:
    """Deletes Tune's own files."""
    shutil.rmtree(folder.path / TUNE, ignore_errors=True)
    if folder.mirror is not None:
        with suppress(OSError):  # They are of no use to anybody.
            folder.mirror.store.delete_all(TUNE)


def _name(trial: Trial) -> str:
    return str(trial.config["trial"])


def _error_line(trial: Trial) -> str:
    """The failure in one line, for where the trial's own folder does not have it."""
    path = Path(trial.pickled_error_file or "")
    error = cloudpickle.loads(path.read_bytes()) if path.is_file() else None
    cause = getattr(error, "cause", None) or error
    lines = str(cause or "").strip().splitlines()
    if isinstance(error, RayActorError):
        if error.actor_init_failed:
            return f"its process could not begin: {lines[-1]}"
        return LOST if isinstance(trial, MovableTrial) and trial.just_lost else DIED
    return f"{type(cause).__name__}: {lines[0]}" if lines else UNKNOWN
