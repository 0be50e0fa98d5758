"""One run in one process: what was built and started, and how all of it is closed."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import EXIT_DONE, EXIT_FAILED, RlexpError
from rlexp.base.events import RunInfo, RunListener
from rlexp.base.files.atomic import plain_reason, pointed, write_json, write_text
from rlexp.compat.applied import explained
from rlexp.config.convert import to_plain
from rlexp.config.schema import RunConfig
from rlexp.run.bookkeeping.provenance import now
from rlexp.storage.runs.overwritten_run import ASIDE, FAILED_ATTEMPT
from rlexp.storage.runs.run_folder import RunFolder
from rlexp.terminal.interrupt import children_keep_on, exit_code_of

if TYPE_CHECKING:
    from rlexp.environment.hangs.hang_watch import HungError
    from rlexp.run.loop import Loop, Progress
    from rlexp.run.trainable import RunTrainable
    from rlexp.storage.buckets.sync import StoreSync
    from rlexp.terminal.messages import Terminal

Start = Callable[["RunTrainable", RunConfig, "Terminal"], "Progress | None"]
"""Puts a built trainable into its first state; returns what the loop should remember from before."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        folder: the run's folder.
        status: `done`, `stopped` (interrupted) or `failed`.
        summary: what `summary.json` holds.
        error: one line on why, if it failed.
        signal: the name of the signal that stopped it, if one did.
    """

    folder: Path
    status: str
    summary: dict[str, Any]
    error: str | None = None
    signal: str | None = None

    @property
    def exit_code(self) -> int:
        """0 done, 1 failed; stopped: 130, or 75 by a batch system."""
        if self.status == "stopped":
            return exit_code_of(self.signal)
        return EXIT_DONE if self.status == "done" else EXIT_FAILED


@dataclass(frozen=True)
class RunRequest:
    """A run that may be built.

    Attributes:
        folder: held by this process.
        config: checked.
        start: see `Start`.
        manifest: what the manifest says once everything is built.
    """

    folder: RunFolder
    config: RunConfig
    start: Start
    manifest: Mapping[str, Any] = field(default_factory=dict)


class RunLifecycle:
    """What has been started of one run; `close` ends all of it."""

    def __init__(self, request: RunRequest, terminal: Terminal) -> None:
        self.folder, self.terminal, self._request = request.folder, terminal, request
        self.began, self._since = False, time.monotonic()
        self.config = request.config
        self._trainable: RunTrainable | None = None
        self._loop: Loop | None = None
        self._started: list[RunListener] = []
        self._sync: StoreSync | None = None

    @property
    def loop(self) -> Loop:
        """The training loop of a run that is built."""
        assert self._loop is not None
        return self._loop

    @property
    def trainable(self) -> RunTrainable:
        """What trains, of a run that is built."""
        assert self._trainable is not None
        return self._trainable

    def build(self) -> None:
        """Does all that comes before the first iteration; what is cheap and may be refused comes first."""
        with self.terminal.status("building ..."):
            from rlexp.config.labs.search_path import find_lab
            from rlexp.run.building.prepare import built, prepare, start_processes
            from rlexp.run.health import AwaitedMetrics
            from rlexp.run.listeners import run_listeners
            from rlexp.run.loop import Loop
            from rlexp.run.trainable import RunTrainable
            from rlexp.storage.buckets.sync import StoreSync
            from rlexp.storage.checkpoint.store import CheckpointStore

            config = self._request.config
            if lab := find_lab():
                self.terminal.say(f"lab: {lab.root}")
            keeping = config.checkpoint
            store = CheckpointStore(self.folder.checkpoints, keep=keeping.keep, mode=keeping.mode)
            trackers = [
                built(f"tracking.{name}", spec, config.trusted) for name, spec in config.tracking.items()
            ]
            prepared = prepare(config, self.folder.log)
            self.config = prepared.config
            if prepared.chosen:
                self.terminal.say(f"hardware=auto: {' '.join(prepared.chosen)} (log.txt says why)")
            for why in prepared.notes:
                self.terminal.note(why)
            with children_keep_on():
                start_processes(prepared, self.folder.log)
                trainable = self._trainable = RunTrainable(
                    config={"prepared": prepared, "since": self._since}
                )
            progress = self._request.start(trainable, prepared.config, self.terminal)
            if self.folder.mirror is not None:
                self._sync = StoreSync(self.folder.mirror, self.terminal.warn)
            listeners = run_listeners(self.folder, trainable, trackers, self._sync, self.terminal.warn)
            self._loop = Loop(trainable, store, listeners, progress)
            self._loop.listeners.append(AwaitedMetrics(self._loop.unseen, self.terminal.warn))
        self.folder.write_config(to_plain(self.config))
        self.folder.update_manifest(**self._request.manifest, status="running")
        self.folder.trace.unlink(missing_ok=True)

    def begin(self) -> None:
        """Tells the listeners that training begins."""
        self.began = True
        for listener in self.loop.listeners:
            listener.on_run_start(self._info())
            self._started.append(listener)

    def _info(self) -> RunInfo:
        manifest, plain = self.folder.read_manifest(), to_plain(self.config)
        return RunInfo(
            folder=self.folder.path,
            name=str(self.config.name),
            run_id=manifest["run_id"],
            config=plain,
            stop=plain["stop"],
            resumed_at=self.trainable.counters.env_steps,
            group=manifest.get("group"),
        )

    def keep_trace(self, failure: BaseException) -> None:
        """The traceback, with the one in an environment's own process where there is one, to `error.txt`."""
        text = "".join(traceback.format_exception(failure))
        if inner := getattr(failure, "trace", ""):
            text += f"\nIn the environment's process:\n{inner}"
        with self._warning("the traceback could not be written to error.txt"):
            write_text(self.folder.trace, text)

    def close(self, status: str, reason: str) -> Outcome:
        """Writes summary and manifest, then ends listeners and processes; an error in one is only a warning."""
        summary = self._summary(status, reason)
        self.folder.free_room()
        with self._warning("summary.json could not be written"):
            write_json(self.folder.summary, summary)
        with self._warning("manifest.json could not be written"):
            self.folder.update_manifest(status=status, reason=reason, ended=now())
        self.release(status, summary)
        self._tell_unlogged(summary)
        for name, key in self._loop.unseen.items() if self._loop is not None and status != "failed" else ():
            self.terminal.warn(f"{key}: {name} was never logged")
        self._put_back(summary)
        if self._sync is not None:
            with self._warning(
                f"the last state was not brought to {self.folder.place}; it lies in {self.folder.path}"
            ):
                self._sync.close()
        return Outcome(self.folder.path, status, summary, reason if status == "failed" else None)

    def _put_back(self, summary: dict[str, Any]) -> None:
        """A run that made no iteration gives way to the one that it was to replace; only its trace stays there."""
        if not self.folder.replaces:
            return
        with self._warning(f"the earlier run lies in {self.folder.path / ASIDE}, and could not be put back"):
            trace = self.folder.trace.read_text(encoding="utf-8") if self.folder.trace.exists() else ""
            self.folder.put_back()
            self.terminal.warn(
                f"the new run made no iteration; the earlier run in {self.folder.place} is back"
            )
            if trace:
                summary["trace"] = FAILED_ATTEMPT
                write_text(self.folder.path / FAILED_ATTEMPT, trace)

    def _tell_unlogged(self, summary: dict[str, Any]) -> None:
        """Adds to the summary which trackers could not be started: they have nothing of the run."""
        if failures := [f for listener in self._started if (f := getattr(listener, "failure", None))]:
            summary["not_logged"] = failures
            with self._warning("summary.json could not be written"):
                write_json(self.folder.summary, summary)

    def abandon(self, failure: HungError | None = None, reason: str = "") -> None:
        """Closes all but the environments, in another thread than the one that never comes back from them.

        Args:
            failure: why the run has failed; without it, it was stopped.
            reason: by what.
        """
        from rlexp.terminal.final_summary import print_closing

        self._trainable = None
        if failure is not None:
            self.keep_trace(failure)
        ending = ("stopped", reason) if failure is None else ("failed", one_line(failure))
        outcome = self.close(*ending)
        print_closing(outcome.summary, self.folder.place, outcome.error)

    def release(self, status: str, summary: dict[str, Any]) -> None:
        """Ends listeners and processes."""
        from rlexp.hardware.ray_session import session

        for listener in self._started:
            with self._warning(f"{type(listener).__name__} failed to close"):
                listener.on_run_end(status, summary)
        # After the last line of a progress display, which ends last.
        for notice in filter(None, (getattr(listener, "notice", None) for listener in self._started)):
            self.terminal.say(notice)
        if self._sync is not None:
            self._sync.stop()
        if self._trainable is not None:
            with self._warning("the algorithm failed to stop"):
                self._trainable.stop()
        with self._warning("Ray failed to stop"):
            session.stop()

    def _summary(self, status: str, reason: str) -> dict[str, Any]:
        loop = self._loop
        figures: dict[str, Any] = {"env_steps": 0, "wall_s": time.monotonic() - self._since, "sps": 0.0}
        if loop is not None:
            figures = loop.progress.summary(loop.trainable.clock)
        latest = pointed(self.folder.checkpoints / "latest")
        checkpoint = f"checkpoints/{latest}" if latest else None
        summary = {"status": status, "reason": reason, **figures, "checkpoint": checkpoint}
        if loop is not None and loop.unseen:
            summary["never_logged"] = dict(loop.unseen)
        if status == "done" and loop is not None:
            summary["train_longer"] = loop.stop.more(loop.progress.final)
        return summary

    @contextlib.contextmanager
    def _warning(self, what: str) -> Iterator[None]:
        """An error inside, or a Ctrl-C, becomes a warning and ends only what is inside."""
        try:
            yield
        except KeyboardInterrupt:
            self.terminal.warn(f"{what}: interrupted")
        except Exception as failure:
            self.terminal.warn(f"{what}: {plain_reason(failure) or one_line(failure)}")


def one_line(failure: BaseException) -> str:
    """What went wrong: our own errors' message, else type and last line of the message.

    Where it comes of a library's version, the versions that are supported.
    """
    if isinstance(failure, RlexpError):
        return str(failure)
    text = str(failure).strip().splitlines()
    line = f"{type(failure).__name__}: {text[-1]}" if text else type(failure).__name__
    return "\n".join(filter(None, (line, explained(failure))))
