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
class Share:
    """One line of the bill: `count` processes of one kind and what each takes.

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


def number(settings: Mapping[str, Any], key: str, default: float) -> Any:
    """`settings[key]`, with None and an absent key meaning RLlib's default."""
    value = settings.get(key)
    return default if value is None else value


def shares(hardware: HardwareChoice, evaluation: Mapping[str, Any] | None = None) -> list[Share]:
    """Every process that a run with this hardware starts; `evaluation` is the evaluation choice's settings.

    Counts as RLlib does: a local learner lives in the main process, learners with a GPU take no CPU unless
    told to, aggregators take one CPU each, and evaluation runners cost what training runners cost.
    """
    s = hardware.settings
    learners, gpus = int(number(s, "num_learners", 0)), float(number(s, "num_gpus_per_learner", 0))
    cpus = number(s, "num_cpus_per_learner", "auto")  # type: ignore[arg-type]
    learner_cpus = (0.0 if gpus else 1.0) if cpus == "auto" else float(cpus)
    main_cpus = float(number(s, "num_cpus_for_main_process", 1))
    local = learners == 0
    runner_cpus = float(number(s, "num_cpus_per_env_runner", 1))
    runner_gpus = float(number(s, "num_gpus_per_env_runner", 0))
    runner_custom = dict(s.get("custom_resources_per_env_runner") or {})
    each_runner = ("hardware.num_cpus_per_env_runner", "hardware.num_gpus_per_env_runner")
    bill = [
        Share(
            "main process",
            1,
            max(learner_cpus, main_cpus) if local else main_cpus,
            gpus if local else 0.0,
            ("hardware.num_cpus_for_main_process", *(("hardware.num_gpus_per_learner",) if local else ())),
            dict(s.get("custom_resources_for_main_process") or {}),
            remote=False,
        ),
        Share(
            "env runner",
            int(number(s, "num_env_runners", 0)),
            runner_cpus,
            runner_gpus,
            ("hardware.num_env_runners", *each_runner),
            runner_custom,
        ),
        Share(
            "learner",
            learners,
            learner_cpus,
            gpus,
            ("hardware.num_learners", "hardware.num_cpus_per_learner", "hardware.num_gpus_per_learner"),
            dict(s.get("custom_resources_per_learner") or {}),
        ),
        Share(
            "aggregator",
            (learners or 1) * int(number(s, "num_aggregator_actors_per_learner", 0)),
            1.0,
            0.0,
            ("hardware.num_aggregator_actors_per_learner",),
            {},
        ),
        Share(
            "evaluation runner",
            evaluation_runners(evaluation or {}),
            runner_cpus,
            runner_gpus,
            ("evaluation.evaluation_num_env_runners", *each_runner),
            runner_custom,
        ),
    ]
    return [share for share in bill if share.count > 0]


def bill_of(config: RunConfig) -> list[Share]:
    """Every process that a run starts, with RLlib's own defaults for what its hardware leaves None."""
    row = row_of(config.algorithm.config_class, config.trusted)
    defaults = row.hardware if row is not None else {}
    given = {key: value for key, value in config.hardware.settings.items() if value is not None}
    hardware = replace(config.hardware, settings={**defaults, **given})
    return shares(hardware, config.evaluation.settings)


def evaluation_runners(evaluation: Mapping[str, Any]) -> int:
    """Remote evaluation runners that these evaluation settings start; none without an interval."""
    if not evaluation.get("evaluation_interval"):
        return 0
    return int(number(evaluation, "evaluation_num_env_runners", 0))


def total(bill: list[Share]) -> dict[str, float]:
    """Resources of the whole bill under Ray's names (`CPU`, `GPU`, custom ones)."""
    sums: dict[str, float] = {"CPU": 0.0, "GPU": 0.0}
    for share in bill:
        for name, each in {"CPU": share.cpus, "GPU": share.gpus, **share.resources}.items():
            sums[name] = sums.get(name, 0.0) + share.count * float(each)
    return sums


def custom_resources(config: RunConfig) -> dict[str, float]:
    """Custom resources that the run asks for in all."""
    sums = total(bill_of(config))
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
    bill = bill_of(config)
    # One process alone always runs: nothing is booked for it.
    if any(share.remote for share in bill):
        _check(bill, "CPU", machine.cores, "this machine lets the run use")
        _check_spread(config)
    _check(bill, "GPU", len(machine.gpus), "this machine has")


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
    bill = bill_of(config)
    check_bill(bill, {name: float(resources.get(name, 0.0)) for name in total(bill)}, "the cluster has")


def check_bill(bill: list[Share], have: Mapping[str, float], who: str) -> None:
    """Refuses a bill that asks for more of anything in `have` than there is.

    Raises:
        ConfigError: naming the keys that add up and what to write instead.
    """
    for name, amount in have.items():
        if name in total(bill):
            _check(bill, name, amount, who)


def _check(bill: list[Share], resource: str, have: float, who: str) -> None:
    asked = total(bill)[resource]
    if asked <= have + EPSILON:
        return
    unit = {"CPU": "CPUs", "GPU": "GPUs"}.get(resource, f"of the resource {resource!r}")
    parts = [share for share in bill if _each(share, resource) > 0]
    sums = " + ".join(
        f"{share.count} {share.what}{'s' if share.count > 1 else ''} x {_each(share, resource):g}"
        for share in parts
    )
    biggest = max(parts, key=lambda share: share.count * _each(share, resource))
    keys = list(dict.fromkeys(key for share in parts for key in share.keys if _counts(key, resource)))
    raise ConfigError(
        f"the run asks for {asked:g} {unit} ({sums}), {who} {have:g}; "
        f"the keys that add up: {', '.join(keys)}",
        key=biggest.keys[0],
        fix=_fix(parts, resource, asked, have),
    )


def _each(share: Share, resource: str) -> float:
    return {"CPU": share.cpus, "GPU": share.gpus}.get(resource, float(share.resources.get(resource, 0.0)))


def _counts(key: str, resource: str) -> bool:
    """Whether a key has a part in the sum of `resource` (a key of GPUs has none in the sum of CPUs)."""
    return not (("_gpus_" in key and resource != "GPU") or ("_cpus_" in key and resource != "CPU"))


def _fix(parts: list[Share], resource: str, asked: float, have: float) -> str:
    """Values with which it fits: fewer of what there can be none of, the largest first; then less for each."""
    over, values = asked - have, list[str]()
    if resource == "GPU" and have < 1:
        return " ".join(dict.fromkeys(f"{key}=0" for share in parts for key in share.keys if "_gpus_" in key))
    for share in sorted(parts, key=lambda share: (not share.remote, -share.count * _each(share, resource))):
        each = _each(share, resource)
        if over <= EPSILON:
            break
        if share.remote:
            fewer = min(share.count, math.ceil((over - EPSILON) / each))
            values.append(f"{share.keys[0]}={share.count - fewer}")
            over -= fewer * each
            continue
        least = min(each, 1.0 if resource == "CPU" else 0.0)
        key = next((key for key in share.keys if _counts(key, resource)), share.keys[0])
        if each > least:  # Else it would say what is so already.
            values.append(f"{key}={max(least, each - over):g}")
            over -= min(over, each - least)
    return " ".join(values)
