"""From a checked config to a finished run: folder, log, build, loop, summary; whatever happens, the folder tells.

Importing this is cheap; RLlib is imported once the folder is there.
"""

from __future__ import annotations

import sys
import traceback
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlexp.config.convert import to_plain
from rlexp.config.schema import RunConfig
from rlexp.errors import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, ConfigError, RlexpError
from rlexp.run.atomic import pointed, write_json, write_text
from rlexp.run.events import RunInfo, RunListener
from rlexp.run.folder import RunFolder
from rlexp.run.interrupt import interruptible
from rlexp.run.provenance import collect, now, write_diff
from rlexp.run.quiet import quiet

if TYPE_CHECKING:
    from rlexp.run.loop import Loop, Progress
    from rlexp.run.terminal import Terminal
    from rlexp.run.trainable import RunTrainable


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        folder: the run's folder.
        status: `done`, `stopped` (interrupted after a checkpoint) or `failed`.
        summary: what `summary.json` holds.
        error: one line, if it failed.
    """

    folder: Path
    status: str
    summary: dict[str, Any]
    error: str | None = None

    @property
    def exit_code(self) -> int:
        """0, 130 or 1."""
        return {"done": EXIT_DONE, "stopped": EXIT_INTERRUPTED}.get(self.status, EXIT_FAILED)


def train(config: RunConfig, *, command: Sequence[str] = (), overrides: Sequence[str] = ()) -> Outcome:
    """Trains a composed run in a new folder.

    Args:
        config: from `rlexp.compose`.
        command: the command line, for the manifest.
        overrides: the overrides it was composed from, for the manifest.

    Raises:
        ConfigError: the run cannot start; nothing is left behind.
    """
    config.name = config.name or default_name(config)
    with RunFolder.create(config.runs_dir, config.name, overwrite=config.overwrite) as folder:
        manifest = collect(list(command), list(overrides), config.seed)
        manifest["diff"] = write_diff(folder.path)
        folder.update_manifest(**manifest, run_id=uuid.uuid4().hex[:12], status="running", choices=config.choices)
        folder.write_config(to_plain(config))
        start = _from_weights if config.checkpoint.from_ else _fresh
        return drive(folder, config, start)


def default_name(config: RunConfig) -> str:
    """`<algorithm>-<env>-s<seed>-<time>`."""
    parts = [str(config.choices.get(group, group)) for group in ("algorithm", "env")]
    return "-".join([*parts, f"s{config.seed}", datetime.now().strftime("%Y%m%d-%H%M%S")])


Start = Callable[["RunTrainable", RunConfig, "Terminal"], "Progress | None"]
"""Puts a built trainable into its first state; returns what the loop should remember from before."""


def _fresh(trainable: RunTrainable, config: RunConfig, terminal: Terminal) -> None:
    return None


def _from_weights(trainable: RunTrainable, config: RunConfig, terminal: Terminal) -> None:
    from rlexp.run.checkpoints import require_trust, resolve

    checkpoint, skipped = resolve(str(config.checkpoint.from_))
    require_trust(checkpoint, config.checkpoint.trust)
    for message in skipped:
        terminal.warn(message)
    trainable.load_weights(checkpoint.path)
    terminal.say(f"weights from {checkpoint.path}")


def drive(folder: RunFolder, config: RunConfig, start: Start) -> Outcome:
    """Builds and trains in a locked folder; used by new and resumed runs alike.

    Raises:
        ConfigError: before training has begun; a folder that this call made is removed again.
    """
    with quiet(folder.log, config.log_level) as terminal:
        try:
            return _drive(folder, config, start, terminal)
        except ConfigError:
            folder.discard()
            raise


def _drive(folder: RunFolder, config: RunConfig, start: Start, terminal: Terminal) -> Outcome:
    from rlexp.hardware import session

    with interruptible(lambda name: terminal.say(_on_interrupt(name))) as interrupt:
        loop = None
        listeners: list[RunListener] = []
        error: str | None = None
        try:
            with terminal.status("building ..."):
                loop, listeners = _build(folder, config, start, terminal)
            reason = loop.run(interrupt)
            status = "stopped" if interrupt else "done"
        except ConfigError:
            raise
        except KeyboardInterrupt:
            status, reason = "stopped", "interrupted at once; the last checkpoint stands"
        except Exception as failure:
            status, error = "failed", _one_line(failure)
            reason = error
            write_text(folder.trace, traceback.format_exc())
        finally:
            # A config error leaves nothing to close but the processes.
            if sys.exc_info()[0] is not None:
                session.stop()
        summary = _close(folder, loop, listeners, status, reason, terminal)
        session.stop()
        return Outcome(folder.path, status, summary, error)


def _on_interrupt(name: str) -> str:
    return f"{name}: finishing this iteration, then saving (once more to stop at once, without saving)"


def _build(
    folder: RunFolder, config: RunConfig, start: Start, terminal: Terminal
) -> tuple[Loop, list[RunListener]]:
    from rlexp.run.checkpoints import CheckpointStore
    from rlexp.run.loop import Loop
    from rlexp.run.prepare import prepare, start_processes
    from rlexp.run.trainable import RunTrainable

    prepared = prepare(config)
    for note in prepared.notes:
        terminal.say(note)
    folder.write_config(to_plain(prepared.config))
    start_processes(prepared.config, folder.log)
    trainable = RunTrainable(config={"prepared": prepared})
    progress = start(trainable, prepared.config, terminal)
    store = CheckpointStore(
        folder.checkpoints, keep=prepared.config.checkpoint.keep, mode=prepared.config.checkpoint.mode
    )
    listeners = _listeners(folder, prepared.config, trainable)
    return Loop(trainable, store, listeners, progress), listeners


def _listeners(folder: RunFolder, config: RunConfig, trainable: RunTrainable) -> list[RunListener]:
    from rlexp.config.targets import build as build_target
    from rlexp.run.callback import RunCallback
    from rlexp.tracking.jsonl import MetricsFile

    manifest = folder.read_manifest()
    info = RunInfo(
        folder=folder.path,
        name=str(config.name),
        run_id=manifest["run_id"],
        config=to_plain(config),
        stop=to_plain(config)["stop"],
        resumed_at=trainable.counters.env_steps,
        group=manifest.get("group"),
    )
    trackers = [build_target(spec, config.trusted) for spec in config.tracking.values()]
    callbacks = [c for c in trainable.algorithm.callbacks if isinstance(c, RunCallback)]
    listeners: list[RunListener] = [MetricsFile(folder.metrics), *trackers, *callbacks]
    for listener in listeners:
        listener.on_run_start(info)
    return listeners


def _close(
    folder: RunFolder,
    loop: Loop | None,
    listeners: Sequence[RunListener],
    status: str,
    reason: str,
    terminal: Terminal,
) -> dict[str, Any]:
    summary = _summary(folder, loop, status, reason)
    for listener in listeners:
        try:
            listener.on_run_end(status, summary)
        except Exception as failure:
            terminal.warn(f"{type(listener).__name__} failed to close: {_one_line(failure)}")
    if loop is not None:
        loop.trainable.stop()
    write_json(folder.summary, summary)
    folder.update_manifest(status=status, reason=reason, ended=now())
    return summary


def _summary(folder: RunFolder, loop: Loop | None, status: str, reason: str) -> dict[str, Any]:
    figures = loop.progress.summary() if loop else {"env_steps": 0, "wall_s": 0.0, "sps": 0.0}
    latest = pointed(folder.checkpoints / "latest")
    checkpoint = f"checkpoints/{latest}" if latest else None
    return {"status": status, "reason": reason, **figures, "checkpoint": checkpoint}


def _one_line(failure: BaseException) -> str:
    if isinstance(failure, RlexpError):
        return str(failure)
    text = str(failure).strip().splitlines()
    return f"{type(failure).__name__}: {text[-1]}" if text else type(failure).__name__
