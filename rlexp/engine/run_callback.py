"""The base of callbacks that also follow the run itself: RLlib's hooks and the run's hooks in one class.

Imports RLlib, so import it only where training is about to start.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.rllib.callbacks.callbacks import RLlibCallback

from rlexp.base.events import Record, RunInfo

if TYPE_CHECKING:
    from ray.rllib.utils.metrics.metrics_logger import MetricsLogger


class RunCallback(RLlibCallback):
    """RLlib's `DefaultCallbacks` with the hooks of `rlexp.base.events.RunListener`; all are no-ops here.

    RLlib makes an instance by itself in the driver and one in every environment runner (also in the driver's
    own), so `__init__` must stay cheap and must not touch the terminal or files. The run calls the four hooks
    below on the driver's instances only (`algorithm.callbacks`); a subclass whose work is there does nothing
    elsewhere.
    """

    ANY_VECTOR_ENV: bool = False
    """Whether the episode hooks work with any vector environment.

    `hardware=auto` takes an environment's own vector form, which has no single environments (`env.envs`) to look into,
    only where all callbacks that have such hooks do.
    """

    METRICS: tuple[str, ...] = ()
    """Names of the custom metrics that the class may log, so that their use in a config is checked
    beforehand.
    """

    def on_run_start(self, run: RunInfo) -> None:
        """Before the first iteration, in the driver."""

    def on_record(self, record: Record) -> None:
        """After each iteration, in the driver; `record` has evaluation metrics where one ran."""

    def on_checkpoint(self, path: Path, record: Record) -> None:
        """After a checkpoint has been sealed at `path`, in the driver."""

    def on_run_end(self, status: str, summary: dict[str, Any]) -> None:
        """Last, also after a failure, in the driver; `status` is `done`, `stopped` or `failed`."""

    def log_metric(self, metrics_logger: MetricsLogger | None, name: str, value: float) -> None:
        """Log `value` so that trackers get `custom/<name>_mean`, `_min` and `_max` over the iteration.

        Args:
            metrics_logger: the one that RLlib passed to the hook; with None nothing is logged.
            name: a name of `METRICS`, without `custom/`.
            value: one episode's (or one event's) figure.
        """
        from rlexp.metrics.log import log_metric

        if metrics_logger is not None:
            log_metric(metrics_logger, name, float(value))
