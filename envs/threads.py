"""Threads for environments that step in numbers on threads of their own."""

from __future__ import annotations

import os

from rlexp.hardware.machine.machine import inspect_machine


def step_threads(num_envs: int) -> int:
    """As many as there are environments, at most one for each CPU that is this process's own.

    Ray tells the CPUs booked for a runner by OMP_NUM_THREADS; in the main process they are all that it has.
    """
    booked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(num_envs, int(booked) if booked.isdigit() else inspect_machine().cores))
