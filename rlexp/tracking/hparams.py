"""A run's config as TensorBoard's hyperparameters, in the run's own event file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rlexp.base.metric_names import EVAL_RETURN, TRAIN_RETURN

METRICS = (TRAIN_RETURN, EVAL_RETURN)
"""What the tab HParams shows beside the values, from the run's scalars."""

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

    experiment, start, _ = hparams(hyperparameters(config), dict.fromkeys(METRICS, 0.0))
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
