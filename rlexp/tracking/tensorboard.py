"""TensorBoard event files in the run's folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rlexp.base.events import Record, RunInfo
from rlexp.base.headline_metrics import RETURNS
from rlexp.tracking.background import Background
from rlexp.tracking.redact import redacted

CLOSE_S = 30.0
_NO_SCALARS = ("env_steps", "timestamp")
"""The axis, and what every event has anyway."""


class TensorBoardTracker:
    """Writes every metric of every record to `<folder>/tensorboard`; the x axis is `env_steps`.

    The config's values appear as hyperparameters (TensorBoard's tab HParams), with the returns as their metrics.

    Args:
        flush_s: seconds after which written values are on disk at the latest.
    """

    def __init__(self, flush_s: int = 5) -> None:
        self.flush_s = flush_s
        self.failure: str | None = None
        self._background: Background | None = None

    def on_run_start(self, run: RunInfo) -> None:
        """Starts to open the event file; on resume later steps of the earlier files are marked as void."""
        self._background = Background("TensorBoard", lambda: self._open(run))

    def on_record(self, record: Record) -> None:
        """Hands the record's numbers to the writer."""
        if self._background is not None:
            self._background.put(lambda writer: _write(writer, dict(record)))

    def on_checkpoint(self, path: Path, record: Record) -> None:
        """Writes out what is buffered, so that the files hold all that a resume from `path` goes on from."""
        if self._background is not None:
            self._background.put(lambda writer: writer.flush())

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None:
        """Writes what is left and closes the file."""
        if self._background is not None:
            self._background.put(lambda writer: _close(writer, status))
            self._background.close(CLOSE_S)
            self.failure, self._background = self._background.failure, None

    def _open(self, run: RunInfo) -> Any:
        import yaml
        from tensorboardX import SummaryWriter

        purge = run.resumed_at + 1 if run.resumed_at else None
        folder = str(run.folder / "tensorboard")
        suffix = f".{run.resumed_at}"  # Files are named by the second; a resume may be quicker.
        writer = SummaryWriter(
            folder, purge_step=purge, flush_secs=self.flush_s, max_queue=1000, filename_suffix=suffix
        )
        if not run.resumed_at:
            text = yaml.safe_dump(redacted(run.config), sort_keys=False)
            writer.add_text("config", "    " + text.replace("\n", "\n    "), global_step=0)
            begin(writer, redacted(run.config))
        return writer


def _close(writer: Any, status: str) -> None:
    end(writer, status)
    writer.close()


def _write(writer: Any, record: Record) -> None:
    step = int(record["env_steps"])
    for name, value in record.items():
        if isinstance(value, (int, float)) and name not in _NO_SCALARS:
            writer.add_scalar(name, value, global_step=step)
        elif isinstance(value, str):
            writer.add_text(name, value, global_step=step)


GROUPS = ("algorithm", "model", "env", "exploration", "curriculum", "data", "evaluation", "reporting", "stop")
"""Groups of the config that say what is trained and how; the others say where, and what listens."""


def hyperparameters(config: Mapping[str, Any]) -> dict[str, bool | float | str]:
    """Dotted names and values of `GROUPS` and the seed; what is None or empty is left out.

    Args:
        config: plain values.
    """
    chosen = {name: config[name] for name in (*GROUPS, "seed") if name in config}
    return dict(_leaves("", chosen))


def begin(writer: Any, config: Mapping[str, Any]) -> None:
    """Writes the values; `writer` is tensorboardX's, whose own method would make a run of its own for them."""
    from tensorboardX.summary import hparams

    experiment, start, _ = hparams(hyperparameters(config), dict.fromkeys(reversed(RETURNS), 0.0))
    for summary in (experiment, start):
        writer.file_writer.add_summary(summary)


def end(writer: Any, status: str) -> None:
    """Writes how the run ended."""
    from tensorboardX.proto.api_pb2 import Status
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData, SessionEndInfo
    from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

    name = {"done": "STATUS_SUCCESS", "failed": "STATUS_FAILURE"}.get(status, "STATUS_UNKNOWN")
    content = HParamsPluginData(session_end_info=SessionEndInfo(status=Status.Value(name)), version=0)
    plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=content.SerializeToString())
    value = Summary.Value(tag="_hparams_/session_end_info", metadata=SummaryMetadata(plugin_data=plugin))
    writer.file_writer.add_summary(Summary(value=[value]))


def _leaves(prefix: str, value: Any) -> Iterator[tuple[str, bool | float | str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(f"{prefix}.{name}" if prefix else str(name), inner)
    elif isinstance(value, (bool, int, float, str)):
        yield prefix, value
    elif value:
        yield prefix, str(value)
