"""One W&B run: opened online or offline, written to, and finished; called from the tracker's own thread."""

from __future__ import annotations

import json
import logging
import math
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlexp.base.events import Record, RunInfo
from rlexp.base.headline_metrics import SUMMARISED
from rlexp.storage.runs.metrics_file import NAME, complete_lines
from rlexp.tracking.redact import redacted
from rlexp.tracking.wandb_mode import choose, why_unreachable
from rlexp.tracking.wandb_settings import set_up

PROJECT = "rlexp"
"""Where neither the config nor `WANDB_PROJECT` names one."""
PROBE_S = 3.0
FLUSH_S = 2.0
"""At most these seconds of history are lost when the process is killed; wandb's own default is 15."""

_TEMPORARY = (
    ("wandb.sdk.data_types._private", "MEDIA_TMP"),
    ("wandb.sdk.artifacts.artifact", "Artifact._TMP_DIR"),
)
"""Where W&B keeps its temporary folders; where it does not, they are left to it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WandbSettings:
    """What a person chooses in `conf/tracking/wandb.yaml`; see there."""

    mode: str
    project: str | None
    entity: str | None
    group: str | None
    tags: tuple[str, ...]
    notes: str | None
    init_timeout_s: float
    finish_timeout_s: float


class WandbRun:
    """An open W&B run whose steps are environment steps and only ever increase, with one row for each in the record."""

    def __init__(self, settings: WandbSettings, info: RunInfo) -> None:
        self.settings, self.info = settings, info
        self.segment = segment(info.folder, info.run_id, info.resumed_at)
        self._last_step = self.segment.last_step
        self._media: dict[str, Any] = {}
        self.run = self._open()
        self._define_metrics()
        self._catch_up()

    def _catch_up(self) -> None:
        """Writes what the run's own record has and W&B has not: a killed process's last rows, or all of them."""
        for _, row in complete_lines(self.info.folder / NAME, up_to=self.info.resumed_at):
            self.log(row)

    def log(self, record: Record) -> None:
        """Writes one row, unless it is there."""
        step = int(record["env_steps"])
        if step <= self._last_step:
            return
        self._log_with_media(record, step)
        self._last_step = step

    def _log_with_media(self, row: Mapping[str, Any], step: int) -> None:
        media, self._media = self._media, {}
        try:
            self.run.log({**row, **media}, step=step, commit=True)
        except Exception:
            if media:  # A video that is gone by now must not take the figures with it.
                self.run.log(dict(row), step=step, commit=True)
            raise

    def add_video(self, name: str, path: Path) -> None:
        """Keeps a video for the next row: W&B takes one row per step."""
        import wandb

        self._media[name] = wandb.Video(str(path), format=path.suffix.lstrip(".") or "mp4")

    def add_checkpoint(self, path: Path, record: Record) -> None:
        """Logs a checkpoint's folder as a new version of the run's model artifact."""
        import wandb

        metadata = {key: record[key] for key in ("env_steps", "iteration") if key in record}
        artifact = wandb.Artifact(f"{self.info.run_id}-checkpoint", type="model", metadata=metadata)
        artifact.add_dir(str(path))
        best = path.parent / "best"
        aliases = ["latest", *(["best"] if best.exists() and best.resolve() == path.resolve() else [])]
        self.run.log_artifact(artifact, aliases=aliases)

    def finish(self, status: str, summary: Mapping[str, Any]) -> None:
        """Writes the summary and closes the run; `failed` shows as a failed run."""
        if self._media:
            self._log_with_media({}, self._last_step + 1)
        self.run.summary.update({**_finite(redacted(dict(summary))), "status": status})
        self.run.finish(exit_code=1 if status == "failed" else 0)

    @property
    def notices(self) -> list[str]:
        """What a person should know once the run is over."""
        notices = []
        if self.segment.replaces is not None:
            notices.append(
                f"W&B run {self.segment.replaces} has rows after the checkpoint that the run went on from; all that "
                f"counts is in {self.segment.id}"
            )
        if command := self.sync_command:
            notices.append(f"W&B was offline; upload the run with: {command}")
        return notices

    @property
    def sync_command(self) -> str | None:
        """What uploads this run later; None when it is online or writes no files."""
        return shlex.join(["wandb", "sync", str(self.run.settings.sync_dir)]) if self.run.offline else None

    def _open(self) -> Any:
        import wandb

        _note_temporary_folders()
        base_url = set_up().base_url
        mode = choose(self.settings.mode, base_url)
        if mode != "online":
            return self._init(mode)
        reason = why_unreachable(base_url, PROBE_S)
        if reason is None:
            try:
                return self._init("online")
            except Exception as error:
                reason = str(error) or type(error).__name__
                # The failed attempt holds the run's id in wandb's service until that ends.
                wandb.teardown()
                set_up()
        run = self._init("offline")
        _log.warning(
            "W&B at %s cannot be used (%s); the run is logged offline. Upload it later with: wandb sync %s",
            base_url,
            reason.splitlines()[0],
            shlex.quote(str(run.settings.sync_dir)),
        )
        return run

    def _init(self, mode: str) -> Any:
        import wandb

        chosen, info = self.settings, self.info
        return wandb.init(
            mode=mode,  # type: ignore[arg-type]
            project=chosen.project or os.environ.get("WANDB_PROJECT") or PROJECT,
            entity=chosen.entity,
            group=chosen.group or info.group,
            tags=list(chosen.tags) or None,
            notes=chosen.notes,
            name=info.name,
            id=self.segment.id,
            resume="allow",
            dir=str(info.folder),
            config=redacted(info.config),
            reinit="create_new",  # Another run of this process may be open, in a notebook or a sweep.
            settings=wandb.Settings(
                silent=True,
                console="off",
                init_timeout=chosen.init_timeout_s,
                finish_timeout=chosen.finish_timeout_s,
                x_transaction_log_flush_interval=FLUSH_S,
                # The command and the checkout's diff can hold secrets; the manifest has the rest.
                x_disable_meta=True,
                disable_git=True,
                disable_code=True,
                save_code=False,
                x_save_requirements=False,
            ),
        )

    def _define_metrics(self) -> None:
        self.run.define_metric("env_steps")
        self.run.define_metric("*", step_metric="env_steps")
        for metric in SUMMARISED:
            summary = "min,last" if metric.better == "lower" else "max,last"
            self.run.define_metric(metric.name, step_metric="env_steps", summary=summary)


def _note_temporary_folders() -> None:
    """W&B makes folders as it is imported, and deletes them only at a clean end."""
    from rlexp.base.processes.scratch import note_of_library

    for module, name in _TEMPORARY:
        owner = sys.modules.get(module)
        for part in name.split("."):
            owner = getattr(owner, part, None)
        if path := getattr(owner, "name", None):
            note_of_library(path)


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` without infinities, which W&B's summary cannot hold."""
    return {k: v for k, v in values.items() if not (isinstance(v, float) and math.isinf(v))}


READ_S = 60.0


@dataclass(frozen=True)
class Segment:
    """The W&B run that a process of a run logs to.

    W&B takes no row at a step that it has had, and keeps those that it has. So a run that goes on from a checkpoint
    that lies before its last row in W&B begins another W&B run, which gets all its records.

    Attributes:
        id: of the W&B run.
        last_step: of the last row that it has; -1 where it has none.
        replaces: the W&B run that has rows which no longer count; None where there is none.
    """

    id: str
    last_step: int
    replaces: str | None = None


def segment(folder: Path, run_id: str, resumed_at: int) -> Segment:
    """Where a run whose state is that of `resumed_at` env steps goes on.

    Args:
        folder: the run's.
        run_id: the run's; its first W&B run has the same, later ones `<run_id>-2` and so on.
        resumed_at: env steps.
    """
    number = max((_number(file, run_id) for file in _files(folder, f"{run_id}-*")), default=1)
    current = _id(run_id, number)
    last = last_step(folder, current)
    if last > resumed_at:
        return Segment(_id(run_id, number + 1), -1, replaces=current)
    return Segment(current, last)


def _id(run_id: str, number: int) -> str:
    return run_id if number == 1 else f"{run_id}-{number}"


def _number(file: Path, run_id: str) -> int:
    text = file.stem.removeprefix(f"run-{run_id}-")
    return int(text) if text.isdecimal() else 1


def _files(folder: Path, name: str) -> list[Path]:
    return sorted((folder / "wandb").glob(f"*run-*/run-{name}.wandb"))


def last_step(folder: Path, run_id: str) -> int:
    """The last step in any W&B file of this run under the run's folder; -1 where there is none.

    A file whose process was killed is read up to its last complete row; one without a row, or damaged, counts as
    none.
    """
    return max((_last_step_in(file) for file in _files(folder, run_id)), default=-1)


def _last_step_in(file: Path) -> int:
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", "--json", str(file.resolve())]
    environment = {**os.environ, "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
    try:
        # Not in the working folder: `-m` imports from there first, and it may be a stranger's.
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=READ_S, env=environment, cwd=sys.prefix
        )
        summary = json.loads(done.stdout).get("summary") or {}
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return -1
    return int(summary.get("_step", -1))
