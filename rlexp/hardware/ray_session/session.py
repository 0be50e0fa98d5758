"""The Ray session of a run: none, one of its own on this machine, or a named cluster; never one by accident.

`start` and `stop` import Ray; the rest does not.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from rlexp.base.errors import RunFailedError
from rlexp.base.processes.leftovers import MARK, mark_of_this_process, note, start_watchdog
from rlexp.compat import ray_core
from rlexp.compat.ray_workers.worker_log import WorkerLog
from rlexp.compat.ray_workers.worker_start import ADDRESS
from rlexp.config.algorithms import row_of
from rlexp.config.schema import RunConfig
from rlexp.hardware.demand import custom_resources, processes_of
from rlexp.hardware.machine.limits import is_shared, usable_cores
from rlexp.hardware.machine.machine import Machine, usable_memory
from rlexp.hardware.ray_session import import_ahead, ray_token
from rlexp.hardware.ray_session.connect import HeadWatch, cluster_address
from rlexp.hardware.ray_session.process_env_vars import environment_with, job_config, worker_variables

CONNECT_S = 60
MIB = 1 << 20
PRELOAD = "RAY_preload_python_modules"
UNUSED_MS = "RAY_idle_worker_killing_time_threshold_ms"
"""How long a process of Ray's may wait for its first use; a second by default, less than the imports take."""
LEAST_STORE, MOST_STORE = 256 * MIB, 4096 * MIB
_log = logging.getLogger(__name__)


@dataclass
class _Session:
    """What this process has started and must end."""

    started: bool = False
    watchdog: subprocess.Popen[bytes] | None = None
    worker_log: WorkerLog | None = None
    head_watch: HeadWatch | None = None
    environment: dict[str, str] = field(default_factory=dict)


_session = _Session()


def needs_ray(config: RunConfig, algorithm: type | None = None) -> bool:
    """Whether the run needs Ray's processes.

    It does not when everything is in this process (no remote runner, learner, aggregator or evaluation runner) and
    the algorithm is known to train so: the fast path's, and some of RLlib's own. Another one's is given Ray.

    Args:
        config: with the hardware chosen.
        algorithm: the `Algorithm` class that will train; None for RLlib's own of that config class.
    """
    if config.hardware.address != "local" or config.data.settings.get("input_"):
        return True
    if any(group.remote for group in processes_of(config)):
        return True
    path = config.algorithm.config_class if algorithm is None else f"{algorithm.__module__}."
    if path.startswith("rlexp.engine."):
        return False
    row = row_of(config.algorithm.config_class, config.trusted)
    return not (path.startswith("ray.rllib.") and row is not None and row.without_ray)


def apply_environment(config: RunConfig) -> None:
    """Set `hardware.env_vars` in this process; `start` passes them on to Ray's."""
    os.environ.update({key: str(value) for key, value in config.hardware.env_vars.items()})


def start(config: RunConfig, folder_log: Path | None, preload: Sequence[str] = ()) -> None:
    """Start a Ray session of this run's own, or join the cluster that `hardware.address` names.

    Does nothing in a trial of a sweep, or when this process has Ray running already (a notebook's own session is
    used and left running), or has joined that cluster before.

    Args:
        config: the run.
        folder_log: file that worker processes' output is appended to; None drops it.
        preload: modules that a session of the run's own has its worker processes import as they start, while this
            one goes on.

    Raises:
        ConfigError: the cluster named cannot be reached; within seconds.
        RunFailedError: Ray could not be started or joined.
    """
    apply_environment(config)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if is_shared():
        return  # A sweep's trial: its process is Ray's own.
    address = "local" if config.hardware.address == "local" else cluster_address(config.hardware.address)
    import ray

    if ray.is_initialized():
        if not _session.started:
            _log.warning("using the Ray session that this process has running already")
        return
    if address == "local":
        _start_local(config, folder_log, preload)
    else:
        _join(config, address, folder_log)


def resources() -> dict[str, float]:
    """All that the joined cluster has, free or not, under Ray's names."""
    import ray

    return dict(ray.cluster_resources())


def joined(here: Machine) -> Machine:
    """What the cluster that this process has joined has free, as one machine; `here` is the main process's."""
    import ray

    return Machine.of_cluster(here, ray.get_runtime_context().gcs_address, ray.available_resources())


QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
}
"""Set unless the user has: report nothing to Ray's makers, give no advice on stderr."""


def stop() -> None:
    """End the session that `start` started, or leave the cluster that it joined; harmless without one."""
    if not _session.started:
        return
    import ray

    _session.started = False
    if _session.head_watch is not None:
        _session.head_watch.close()
    if _session.worker_log is not None:
        _session.worker_log.close()
    try:
        ray.shutdown()
    finally:
        import_ahead.end()
        watchdog, _session.watchdog = _session.watchdog, None
        _session.worker_log = _session.head_watch = None
        if watchdog is not None:
            watchdog.kill()
            watchdog.wait()


def store_bytes(memory: int) -> int:
    """Size of the object store: a tenth of the memory, between 256 MiB and 4 GiB."""
    return max(LEAST_STORE, min(MOST_STORE, memory // 10))


def _start_local(config: RunConfig, folder_log: Path | None, preload: Sequence[str]) -> None:
    foreign = os.environ.get("RAY_ADDRESS")
    if foreign:
        _log.warning(
            "RAY_ADDRESS=%s is ignored, for hardware.address=local; write hardware.address=auto to join it",
            foreign,
        )
    ray_token.prepare()
    mark = mark_of_this_process()
    _session.watchdog = start_watchdog(mark)
    given = {MARK: mark, **worker_variables(config)}
    if address := import_ahead.address(given):
        given[ADDRESS] = address
    if preload:
        given = {PRELOAD: ",".join(preload), UNUSED_MS: "30000"} | given
    with environment_with(given, without=("RAY_ADDRESS",)):
        _init(
            folder_log,
            address="local",
            num_cpus=usable_cores() + _reading_cpus(config),
            object_store_memory=store_bytes(usable_memory()),
            resources=custom_resources(config) or None,
        )
    folder = ray_core.session_folder()
    folder.chmod(0o700)  # Ray lets everybody write to it, and its sockets lie there.
    note(folder, mark)


def _reading_cpus(config: RunConfig) -> int:
    """CPUs to add for Ray Data, which reads while the main process, whose CPUs are booked, waits."""
    if not config.data.settings.get("input_"):
        return 0
    return max(1, math.ceil(sum(group.cpus for group in processes_of(config) if not group.remote)))


def _join(config: RunConfig, address: str, folder_log: Path | None) -> None:
    _init(folder_log, address=address, runtime_env={"env_vars": worker_variables(config)}, limit_s=CONNECT_S)
    _session.head_watch = HeadWatch(address, folder_log.parent if folder_log is not None else None)
    _session.head_watch.start()


def _init(folder_log: Path | None, *, limit_s: float | None = None, **arguments: Any) -> None:
    """Calls `ray.init`, quietly, and keeps this process's signal handlers."""
    import ray

    from rlexp.compat.node_start import lean

    local = arguments["address"] == "local"
    if not str(arguments["address"]).startswith("ray://"):
        arguments["job_config"] = job_config()
    extra = {"include_dashboard": False} if local else {}
    try:
        with _handlers_kept(), _at_most(limit_s), lean():
            ray.init(
                log_to_driver=folder_log is not None,
                logging_level=logging.getLogger("ray").getEffectiveLevel(),
                configure_logging=False,
                ignore_reinit_error=False,
                **extra,
                **arguments,
            )
    except Exception as error:
        _session.started = True
        with contextlib.suppress(Exception):
            stop()
        _session.started = False
        raise RunFailedError(_failure_message(error, arguments["address"])) from error
    _session.started = True
    if folder_log is not None:
        _session.worker_log = WorkerLog(folder_log)


def _failure_message(error: Exception, address: str) -> str:
    """The message for an error of `ray.init`."""
    if address == "local":
        return f"Ray could not be started: {type(error).__name__}: {error}"
    # A cluster with tokens says nothing to a client without one, which then only sees no connection.
    hint = "" if os.environ.get("RAY_AUTH_MODE") else "; if it asks for a token, set RAY_AUTH_MODE=token"
    return f"the Ray cluster at {address} could not be joined: {type(error).__name__}: {error}{hint}"


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    """Restores the SIGTERM handler, which `ray.init` replaces by one that exits without a checkpoint."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _at_most(limit_s: float | None) -> Iterator[None]:
    """Raises TimeoutError when the block takes longer; in the main thread only, where signals arrive."""
    if limit_s is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer within {limit_s:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
