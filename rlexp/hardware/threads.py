"""Torch threads: the main process's from the CPUs that it really has, Ray's processes' from what is booked."""

from __future__ import annotations

import os

from rlexp.config.schema import HardwareChoice, RunConfig
from rlexp.hardware.demand import ProcessGroup, process_groups, processes_of
from rlexp.hardware.machine.limits import is_shared
from rlexp.hardware.machine.machine import Machine

MOST = 8
"""More threads than this have not helped networks of the size that RLlib's defaults have."""


def spare_threads(hardware: HardwareChoice, machine: Machine, remote_cpus: float | None = None) -> int:
    """Half of the cores that remote processes leave free, between 1 and 8.

    Half, because a thread that waits for a busy core costs more than an idle core would bring: with two
    threads beside another busy process, torch is many times slower than with one.
    """
    if remote_cpus is None:
        remote_cpus = sum(group.count * group.cpus for group in process_groups(hardware) if group.remote)
    return max(1, min(MOST, int((machine.cores - remote_cpus) // 2)))


def booked_threads(groups: list[ProcessGroup]) -> int:
    """The CPUs booked for the main process, between 1 and 8."""
    return max(1, min(MOST, int(sum(group.cpus for group in groups if not group.remote))))


def torch_threads(config: RunConfig, machine: Machine) -> int:
    """`hardware.torch_threads`, or when that is None what the machine leaves free.

    With asynchronous vectorisation each environment is a process of its own that wants those cores: one
    thread. On a cluster and in a sweep, other runs use this machine too: what is booked for the main process.
    """
    hardware = config.hardware
    if hardware.torch_threads is not None:
        return hardware.torch_threads
    if hardware.settings.get("gym_env_vectorize_mode") == "async":
        return 1
    groups = processes_of(config)
    if hardware.address != "local" or is_shared():
        return booked_threads(groups)
    return spare_threads(hardware, machine, sum(group.count * group.cpus for group in groups if group.remote))


def apply_threads(threads: int) -> None:
    """Give torch `threads` threads in this process; imports torch.

    Remote runners and learners are not affected: Ray gives each as many as the CPUs it is given (hardware's
    `num_cpus_per_*`), by OMP_NUM_THREADS, unless that is set in the environment or in `hardware.env_vars`.
    """
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(threads)
    # numpy multiplies what is too small for torch: a second thread would only wait for a core.
    threadpool_limits(limits=1, user_api="blas")


def follow_ray() -> None:
    """Gives torch the threads that Ray means, in a worker that imports torch before it knows its task.

    Ray sets OMP_NUM_THREADS as a task or actor begins, which torch reads only as it is imported. Imports both.
    """
    import torch

    from rlexp.compat.ray_core import when_threads_are_set

    when_threads_are_set(lambda: torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"])))
