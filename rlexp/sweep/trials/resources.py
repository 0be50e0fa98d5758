"""What each trial of a sweep books, and how many run at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rlexp.config.convert import to_plain
from rlexp.config.schema import RunConfig
from rlexp.hardware.demand import (
    EPSILON,
    ProcessGroup,
    check_demand,
    process_groups,
    processes_of,
    total_resources,
)
from rlexp.hardware.machine.machine import Machine

if TYPE_CHECKING:
    from ray.tune import PlacementGroupFactory


def booked(config: RunConfig) -> dict[str, float]:
    """Resources of one trial under Ray's names."""
    return {name: amount for name, amount in total_resources(_processes(config)).items() if amount > 0} or {
        "CPU": 1.0
    }


def _processes(config: RunConfig) -> list[ProcessGroup]:
    """With `hardware=auto`, what is left open takes nothing beyond the main process: so, most trials run at once."""
    if config.hardware.auto:
        return process_groups(config.hardware, config.evaluation.settings)
    return processes_of(config)


def request_of(config: RunConfig) -> PlacementGroupFactory:
    """The trial's placement group: the main process first, then its runners and learners in RLlib's order."""
    from ray.tune import PlacementGroupFactory

    if not any(group.remote for group in _processes(config)):
        return PlacementGroupFactory([booked(config)])
    from rlexp.run.trainable import RunTrainable

    return RunTrainable.default_resource_request({"run": to_plain(config)})


def same_request(config: RunConfig) -> str:
    """Equal for trials that book the same."""
    return repr(
        (config.algorithm.config_class, dataclasses.asdict(config.hardware), config.evaluation.settings)
    )


def check_room(config: RunConfig, machine: Machine) -> None:
    """Refuses a trial that could never start on this machine; a cluster's is known once it is joined.

    Raises:
        ConfigError: naming what it books, and the keys that add up to it.
    """
    if config.hardware.address == "local":
        check_demand(_processes(config), {"CPU": machine.cores, "GPU": len(machine.gpus)}, "this machine has")


def check_joined(config: RunConfig, have: Mapping[str, float]) -> None:
    """Refuses a trial that could never start on what Ray has in all.

    Raises:
        ConfigError: naming what it books, and the keys that add up to it.
    """
    check_demand(_processes(config), {name: have.get(name, 0.0) for name in booked(config)}, "Ray has")


def at_once(config: RunConfig, have: Mapping[str, float], concurrency: int | None) -> int:
    """How many trials like this one run side by side on what there is."""
    fit = min(int((have.get(name, 0.0) + EPSILON) // amount) for name, amount in booked(config).items())
    return max(1, fit if concurrency is None else min(fit, concurrency))
