"""What a run asks of the machine in CPUs and GPUs, process by process, and whether it is there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import row_of
from rlexp.config.schema import HardwareChoice, RunConfig
from rlexp.hardware.machine.machine import Machine

EPSILON = 1e-6


@dataclass(frozen=True)
class ProcessGroup:
    """Processes of one kind: `count` of them, and what each takes.

    Attributes:
        what: the kind of process, in words.
        keys: the config keys that say how many there are and how much each takes.
        resources: custom resources that each takes.
        remote: whether these are Ray processes, beside the main one.
    """

    what: str
    count: int
    cpus: float
    gpus: float
    keys: tuple[str, ...]
    resources: Mapping[str, float]
    remote: bool = True


def setting(settings: Mapping[str, Any], key: str, default: float) -> Any:
    """`settings[key]`, with None and an absent key meaning RLlib's default."""
    value = settings.get(key)
    return default if value is None else value


def process_groups(
    hardware: HardwareChoice, evaluation: Mapping[str, Any] | None = None
) -> list[ProcessGroup]:
    """Every process that a run with this hardware starts; `evaluation` is the evaluation choice's settings.

    Counts as RLlib does: a local learner lives in the main process, learners with a GPU take no CPU unless
    that is set, aggregators take one CPU each, and evaluation runners cost what training runners cost.
    """
    s = hardware.settings
    learners, gpus = int(setting(s, "num_learners", 0)), float(setting(s, "num_gpus_per_learner", 0))
    cpus = setting(s, "num_cpus_per_learner", "auto")  # type: ignore[arg-type]
    learner_cpus = (0.0 if gpus else 1.0) if cpus == "auto" else float(cpus)
    main_cpus = float(setting(s, "num_cpus_for_main_process", 1))
    local = learners == 0
    runner_cpus = float(setting(s, "num_cpus_per_env_runner", 1))
    runner_gpus = float(setting(s, "num_gpus_per_env_runner", 0))
    runner_custom = dict(s.get("custom_resources_per_env_runner") or {})
    each_runner = ("hardware.num_cpus_per_env_runner", "hardware.num_gpus_per_env_runner")
    groups = [
        ProcessGroup(
            "main process",
            1,
            max(learner_cpus, main_cpus) if local else main_cpus,
            gpus if local else 0.0,
            ("hardware.num_cpus_for_main_process", *(("hardware.num_gpus_per_learner",) if local else ())),
            dict(s.get("custom_resources_for_main_process") or {}),
            remote=False,
        ),
        ProcessGroup(
            "env runner",
            int(setting(s, "num_env_runners", 0)),
            runner_cpus,
            runner_gpus,
            ("hardware.num_env_runners", *each_runner),
            runner_custom,
        ),
        ProcessGroup(
            "learner",
            learners,
            learner_cpus,
            gpus,
            ("hardware.num_learners", "hardware.num_cpus_per_learner", "hardware.num_gpus_per_learner"),
            dict(s.get("custom_resources_per_learner") or {}),
        ),
        ProcessGroup(
            "aggregator",
            (learners or 1) * int(setting(s, "num_aggregator_actors_per_learner", 0)),
            1.0,
            0.0,
            ("hardware.num_aggregator_actors_per_learner",),
            {},
        ),
        ProcessGroup(
            "evaluation runner",
            evaluation_runners(evaluation or {}),
            runner_cpus,
            runner_gpus,
            ("evaluation.evaluation_num_env_runners", *each_runner),
            runner_custom,
        ),
    ]
    return [group for group in groups if group.count > 0]


def processes_of(config: RunConfig) -> list[ProcessGroup]:
    """Every process that a run starts, with RLlib's own defaults for what its hardware leaves None."""
    row = row_of(config.algorithm.config_class, config.trusted)
    defaults = row.hardware if row is not None else {}
    given = {key: value for key, value in config.hardware.settings.items() if value is not None}
    hardware = replace(config.hardware, settings={**defaults, **given})
    return process_groups(hardware, config.evaluation.settings)


def evaluation_runners(evaluation: Mapping[str, Any]) -> int:
    """Remote evaluation runners that these evaluation settings start; none without an interval."""
    if not evaluation.get("evaluation_interval"):
        return 0
    return int(setting(evaluation, "evaluation_num_env_runners", 0))


def total_resources(groups: list[ProcessGroup]) -> dict[str, float]:
    """Resources of all processes under Ray's names (`CPU`, `GPU`, custom ones)."""
    sums: dict[str, float] = {"CPU": 0.0, "GPU": 0.0}
    for group in groups:
        for name, each in {"CPU": group.cpus, "GPU": group.gpus, **group.resources}.items():
            sums[name] = sums.get(name, 0.0) + group.count * float(each)
    return sums


def custom_resources(config: RunConfig) -> dict[str, float]:
    """Custom resources that the run asks for in all."""
    sums = total_resources(processes_of(config))
    return {name: amount for name, amount in sums.items() if name not in ("CPU", "GPU") and amount > 0}


def check_fits(config: RunConfig, machine: Machine) -> None:
    """Refuse a local run that asks for more CPUs or GPUs than this machine has; a cluster is checked once
    joined.

    Raises:
        ConfigError: naming the keys that add up and what to write instead; or a placement that one machine
            cannot give.
    """
    if config.hardware.address != "local":
        return
    groups = processes_of(config)
    # One process alone always runs: nothing is booked for it.
    if any(group.remote for group in groups):
        _check(groups, "CPU", machine.cores, "this machine lets the run use")
        _check_spread(config)
    _check(groups, "GPU", len(machine.gpus), "this machine has")


def _check_spread(config: RunConfig) -> None:
    if config.hardware.settings.get("placement_strategy") == "STRICT_SPREAD":
        raise ConfigError(
            "hardware.placement_strategy=STRICT_SPREAD wants a machine for each process, and "
            "hardware.address=local is this one alone",
            key="hardware.placement_strategy",
            fix="hardware.placement_strategy=PACK",
        )


def check_fits_cluster(config: RunConfig, resources: Mapping[str, float]) -> None:
    """Refuse a run that asks for more than the joined cluster has; `resources` is `ray.cluster_resources()`.

    Raises:
        ConfigError: naming the keys that add up and what to write instead.
    """
    groups = processes_of(config)
    check_demand(
        groups, {name: float(resources.get(name, 0.0)) for name in total_resources(groups)}, "the cluster has"
    )


def check_demand(groups: list[ProcessGroup], have: Mapping[str, float], who: str) -> None:
    """Refuses processes that ask for more of anything in `have` than there is.

    Raises:
        ConfigError: naming the keys that add up and what to write instead.
    """
    for name, amount in have.items():
        if name in total_resources(groups):
            _check(groups, name, amount, who)


def _check(groups: list[ProcessGroup], resource: str, have: float, who: str) -> None:
    asked = total_resources(groups)[resource]
    if asked <= have + EPSILON:
        return
    unit = {"CPU": "CPUs", "GPU": "GPUs"}.get(resource, f"of the resource {resource!r}")
    parts = [group for group in groups if _each(group, resource) > 0]
    sums = " + ".join(
        f"{group.count} {group.what}{'s' if group.count > 1 else ''} x {_each(group, resource):g}"
        for group in parts
    )
    biggest = max(parts, key=lambda group: group.count * _each(group, resource))
    keys = list(dict.fromkeys(key for group in parts for key in group.keys if _counts(key, resource)))
    raise ConfigError(
        f"the run asks for {asked:g} {unit} ({sums}), {who} {have:g}; "
        f"the keys that add up: {', '.join(keys)}",
        key=biggest.keys[0],
        fix=_fix(parts, resource, asked, have),
    )


def _each(group: ProcessGroup, resource: str) -> float:
    return {"CPU": group.cpus, "GPU": group.gpus}.get(resource, float(group.resources.get(resource, 0.0)))


def _counts(key: str, resource: str) -> bool:
    """Whether a key has a part in the sum of `resource` (a key of GPUs has none in the sum of CPUs)."""
    return not (("_gpus_" in key and resource != "GPU") or ("_cpus_" in key and resource != "CPU"))


def _fix(parts: list[ProcessGroup], resource: str, asked: float, have: float) -> str:
    """Values with which it fits: fewer of what there can be none of, the largest first; then less for each."""
    over, values = asked - have, list[str]()
    if resource == "GPU" and have < 1:
        return " ".join(dict.fromkeys(f"{key}=0" for group in parts for key in group.keys if "_gpus_" in key))
    for group in sorted(parts, key=lambda group: (not group.remote, -group.count * _each(group, resource))):
        each = _each(group, resource)
        if over <= EPSILON:
            break
        if group.remote:
            fewer = min(group.count, math.ceil((over - EPSILON) / each))
            values.append(f"{group.keys[0]}={group.count - fewer}")
            over -= fewer * each
            continue
        least = min(each, 1.0 if resource == "CPU" else 0.0)
        key = next((key for key in group.keys if _counts(key, resource)), group.keys[0])
        if each > least:  # Else it would say what is so already.
            values.append(f"{key}={max(least, each - over):g}")
            over -= min(over, each - least)
    return " ".join(values)
