"""Weights & Biases, in this process: no extra actor, no waiting, no network that could stop a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.events import Record, RunInfo
from rlexp.base.suggest import nearest
from rlexp.tracking.background import Background
from rlexp.tracking.wandb_mode import MODES, has_key, has_key_in_environment, requested_mode
from rlexp.tracking.wandb_run import PROBE_S, WandbRun, WandbSettings
from rlexp.tracking.wandb_settings import set_up

_SPARE_S = 10.0


class WandbTracker:
    """Logs the run to W&B, with its files in `<folder>/wandb`; a resumed run continues the same W&B run, unless
    that has rows after the checkpoint that the run goes on from: then another W&B run gets all records.

    Everything W&B does happens in a thread of its own. A server that cannot be reached makes the run offline;
    `notice` then says how to upload it.

    Args:
        mode: `online`, `offline`, `disabled`, or `auto`: offline or disabled if WANDB_MODE says so, else
            online where there is an API key (WANDB_API_KEY or `wandb login`) and offline otherwise.
        project: W&B project; None for `WANDB_PROJECT`, or rlexp where that is not set.
        entity: user or team; None for the account's default.
        group: groups runs; None for the sweep's name, if there is one.
        tags: labels to filter by.
        notes: free text about the run.
        log_checkpoints: upload every checkpoint as a version of a model artifact.
        init_timeout_s: seconds to wait for the server before going offline.
        finish_timeout_s: seconds to wait for uploads at the run's end; what is left stays on disk.

    Raises:
        ConfigError: an unknown mode, or `online` without an API key.
    """

    def __init__(
        self,
        mode: str = "auto",
        project: str | None = None,
        entity: str | None = None,
        group: str | None = None,
        tags: Sequence[str] = (),
        notes: str | None = None,
        log_checkpoints: bool = False,
        init_timeout_s: float = 20.0,
        finish_timeout_s: float = 30.0,
    ) -> None:
        _check_mode(mode)
        self.settings = WandbSettings(
            mode=mode,
            project=project,
            entity=entity,
            group=group,
            tags=tuple(tags),
            notes=notes,
            init_timeout_s=init_timeout_s,
            finish_timeout_s=finish_timeout_s,
        )
        self.log_checkpoints = log_checkpoints
        self.notice: str | None = None
        self.failure: str | None = None
        self._background: Background | None = None

    def on_run_start(self, run: RunInfo) -> None:
        """Starts to open the W&B run; returns at once."""
        if requested_mode(self.settings.mode) == "disabled":
            return
        self._background = Background("W&B", lambda: WandbRun(self.settings, run))

    def on_record(self, record: Record) -> None:
        """Hands the record over; returns at once."""
        self._put(lambda run, row=dict(record): run.log(row))

    def on_checkpoint(self, path: Path, record: Record) -> None:
        """Hands the checkpoint over, if checkpoints are to be logged."""
        if self.log_checkpoints:
            self._put(lambda run, row=dict(record): run.add_checkpoint(path, row))

    def log_video(self, name: str, path: Path) -> None:
        """Shows the video file at `path` (mp4, gif, webm) under `name`, with the next record."""
        self._put(lambda run: run.add_video(name, Path(path)))

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None:
        """Closes the W&B run, within the two time limits and a few seconds."""
        if self._background is None:
            return
        self._put(lambda run: self._finish(run, status, dict(summary)))
        limits = self.settings.init_timeout_s + self.settings.finish_timeout_s
        self._background.close(PROBE_S + limits + _SPARE_S)
        self.failure, self._background = self._background.failure, None

    def _put(self, task: Any) -> None:
        if self._background is not None:
            self._background.put(task)

    def _finish(self, run: WandbRun, status: str, summary: dict[str, Any]) -> None:
        self.notice = "\n".join(run.notices) or None
        run.finish(status, summary)


def _check_mode(mode: str) -> None:
    key = "tracking.wandb.mode"
    if mode not in MODES:
        raise ConfigError(
            f"{key} is {mode!r}; it can be " + ", ".join(MODES),
            key=key,
            suggestions=nearest(str(mode), MODES),
        )
    if mode != "online" or has_key_in_environment():
        return

    base_url = set_up().base_url
    if not has_key(base_url):
        raise ConfigError(
            f"{key} is online, but there is no API key for {base_url}",
            key=key,
            fix="tracking.wandb.mode=offline, or once `wandb login`, or WANDB_API_KEY=... in the environment",
        )
