"""One trial of a sweep in this process: a run in a folder of its own, advanced from outside."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlexp.base.errors import EXIT_USAGE, RunFailedError
from rlexp.base.files.links import open_to_append
from rlexp.base.files.lock import InUseError
from rlexp.base.headline_metrics import SPS
from rlexp.config.convert import to_plain
from rlexp.environment.hangs import interrupt_sampling
from rlexp.environment.hangs.hang_watch import last_words, take_signal
from rlexp.environment.hangs.watch_thread import stacks_to
from rlexp.run.lifecycle import Outcome, RunLifecycle, RunRequest, one_line
from rlexp.run.loop import Progress
from rlexp.run.resume import reopen_run
from rlexp.run.train import create_run
from rlexp.storage.buckets.local_copies import local
from rlexp.storage.buckets.mirror import Mirror
from rlexp.storage.checkpoint import seal
from rlexp.storage.runs.run_folder import RunFolder
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.trials.frozen_trials import FrozenTrial
from rlexp.sweep.trials.trial_task import ENDED, TrialTask
from rlexp.terminal.interrupt import Interrupt
from rlexp.terminal.quiet import quiet

BY_SWEEP = "stopped by the sweep"
WAIT_S = 30.0


class TrialRun:
    """The run of a trial, begun or gone on with; `report` advances it, and it closes itself when it is over.

    Args:
        task: what there is to do.
        trial: the trial as it was frozen, with the task's `changes` on top.

    Raises:
        ConfigError, CheckpointError: it cannot be built; a new folder is removed again.
        Exception: whatever else went wrong; the folder has its trace then.
    """

    def __init__(self, task: TrialTask, trial: FrozenTrial) -> None:
        self._task, self._cleanup, self._training = task, contextlib.ExitStack(), contextlib.ExitStack()
        self._interrupt, self._stop_rules_checked = Interrupt(), False
        self.outcome: Outcome | None = None
        try:
            request = _prepare(task, trial, self._cleanup)
            if isinstance(request, Outcome):
                self._end(request)
                return
            self.config = request.config
            terminal = self._cleanup.enter_context(quiet(request.folder.log, request.config.log_level))
            self._lifecycle = RunLifecycle(request, terminal)
            self._build()
        except BaseException:
            self._cleanup.close()
            raise

    def _build(self) -> None:
        lifecycle = self._lifecycle
        try:
            lifecycle.build()
            lifecycle.trainable.report_at(self._task.compare_at, self._task.metric)
            self._cleanup.enter_context(_stacks_in_trace(lifecycle.folder))
            self._cleanup.enter_context(last_words(lifecycle.abandon))
            self._cleanup.enter_context(self._training)
            self._listen()
            lifecycle.loop.unseen.setdefault(self._task.metric, "sweep.metric")
            lifecycle.begin()
        except BaseException as failure:
            if not lifecycle.began and getattr(failure, "exit_code", None) == EXIT_USAGE:
                lifecycle.release("failed", {})
                lifecycle.folder.discard()
            else:
                self._fail(failure)
            raise

    def _listen(self) -> None:
        """Breaks off the trial's sampling from now on as soon as the sweep is interrupted."""
        from rlexp.run.stopping.request_relay import listening

        take_signal()
        self._training.enter_context(listening(self._task.seals))

    def report(self) -> dict[str, Any]:
        """Trains an iteration, or several until it is time for a report, or as far as an interrupt lets it.

        Returns:
            `env_steps`, `sps`, `score` where there is one yet, `done` and `ended`.

        Raises:
            Exception: the run has failed; its folder says so, and it is closed.
        """
        until = time.monotonic() + self._task.report_s
        while self.outcome is None:
            self._advance()
            if time.monotonic() >= until or interrupt_sampling.requested():
                break
        return self._result()

    def _advance(self) -> None:
        loop = self._lifecycle.loop
        try:
            reason = None if self._stop_rules_checked else loop.over()
            self._stop_rules_checked = True
            reason = loop.advance(self._interrupt) if reason is None else reason
            self._refuse_non_finite(loop.progress.final)
            if reason is not None:
                loop.save_last()
        except BaseException as failure:
            if isinstance(failure, Exception):
                loop.rescue(failure)
            self._fail(failure)
            raise
        if reason is not None:
            self._close("done", reason)

    def _refuse_non_finite(self, record: dict[str, Any]) -> None:
        """Refuses a score that is not finite: a scheduler would take the trial for the best or the worst of all."""
        value = record.get(self._task.metric)
        if isinstance(value, float) and not math.isfinite(value):
            raise RunFailedError(
                f"sweep.metric {self._task.metric} is {value} at {record['env_steps']:,} env steps"
            )

    def _result(self) -> dict[str, Any]:
        if self.outcome is not None and not hasattr(self, "_lifecycle"):
            steps = int(self.outcome.summary.get("env_steps", 0))
            return {"done": True, ENDED: True, "env_steps": steps}
        final = self._lifecycle.loop.progress.final
        result: dict[str, Any] = {
            "env_steps": int(final.get("env_steps", 0)),
            "sps": float(final.get(SPS, 0.0)),
            "done": self.outcome is not None,
            ENDED: self.outcome is not None,
        }
        score = final.get(self._task.metric)
        return result if score is None else {**result, "score": float(score)}

    def save_checkpoint(self) -> Path:
        """Writes a checkpoint of the present state."""
        self._lifecycle.loop.save_last()
        return self._lifecycle.loop.store.all()[-1].path

    def take_over(self, checkpoint: Path, donor: str) -> None:
        """Goes on from another trial's state: network, optimisers, counters, teacher; with its own settings."""
        trainable = self._lifecycle.trainable
        trainable.load_checkpoint(str(checkpoint))
        self._lifecycle.loop.take_over(Progress(**seal.read(checkpoint).meta))
        self._lifecycle.terminal.say(f"took over {donor} at {trainable.counters.env_steps:,} env steps")

    def end(self) -> None:
        """Saves and closes what still trains; harmless once it is over."""
        if self.outcome is not None:
            return
        try:
            self._lifecycle.loop.save_last()
        except Exception as failure:
            self._fail(failure)
        else:
            self._close("stopped", BY_SWEEP)

    def _fail(self, failure: BaseException) -> None:
        self._lifecycle.keep_trace(failure)
        self._close("failed", one_line(failure))

    def _close(self, status: str, reason: str) -> None:
        self._training.close()
        self._end(self._lifecycle.close(status, reason))

    def _end(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._cleanup.close()


def _prepare(task: TrialTask, trial: FrozenTrial, cleanup: contextlib.ExitStack) -> RunRequest | Outcome:
    """Opens the trial's folder, or makes it; holds it until `cleanup`."""
    sweep = SweepFolder(local(task.sweep))
    if (mirror := Mirror.of(sweep.trials / trial.name)) is not None:
        mirror.fetch()
    before = sweep.run(trial.name)
    if before is not None and before.config.is_file():
        folder = cleanup.enter_context(_open_when_free(before.path))
        # What the sweep was frozen with has been accepted before it started; the folder may have been changed since.
        vouched = to_plain(trial.config)
        return reopen_run(folder, task.changes, command=task.command, vouched=vouched, of_sweep=True)
    # A folder without a config is of a process that was killed as it made the folder.
    folder = RunFolder.create(trial.config.runs_dir, trial.name, overwrite=before is not None)
    cleanup.enter_context(folder)
    return create_run(
        folder, trial.config, command=task.command, overrides=trial.overrides, group=sweep.path.name
    )


def _open_when_free(path: Path) -> RunFolder:
    """Waits for a process that lost its driver and is about to end."""
    until = time.monotonic() + WAIT_S
    while True:
        try:
            return RunFolder.open(path)
        except InUseError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


@contextlib.contextmanager
def _stacks_in_trace(folder: RunFolder) -> Iterator[None]:
    """Where native code hangs and nothing else can tell of it, the stacks go to the trial's `error.txt`."""
    descriptor = open_to_append(folder.trace)
    try:
        with stacks_to(descriptor):
            yield
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            if not folder.trace.stat().st_size:
                folder.trace.unlink()
