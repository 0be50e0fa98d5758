"""`hardware=auto`: runners, vectorisation, learners and threads, from the machine and the environment.

The rules here are for what has not been measured. What has (`rlexp.run.building.auto_measured`) goes before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from rlexp.config.algorithms import Kind, kind_of
from rlexp.config.schema import HardwareChoice
from rlexp.hardware.demand import process_groups, setting
from rlexp.hardware.machine.machine import Machine
from rlexp.hardware.threads import booked_threads, spare_threads

FAST_S, SLOW_S = 0.2e-3, 2e-3
"""Seconds a step: below the first acting and learning outweigh the environment, from the second on it is slow."""
MOST_RUNNERS = 32
KEYS = (
    "num_learners",
    "num_gpus_per_learner",
    "num_env_runners",
    "gym_env_vectorize_mode",
    "num_envs_per_env_runner",
    "torch_threads",
)
"""What is chosen, in this order: each choice depends on those before it."""

Chosen = tuple[Any, str]


def choose(
    hardware: HardwareChoice,
    machine: Machine,
    env_step_s: float | None,
    algorithm: str,
    known: Mapping[str, Chosen],
    *,
    evaluation: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """Values for the keys that `hardware` leaves None (or out), each with its reason.

    Args:
        hardware: the choice as composed; what it sets stays and counts.
        machine: where the run goes (`Machine.of_cluster` for a cluster).
        env_step_s: seconds of one environment step, None when it was not measured (taken as medium).
        algorithm: import path of the config class, or the choice's name.
        known: values, each with its reason, that go before the rules here, where the machine has room: what was
            measured, or what the environment is.
        evaluation: settings of the evaluation choice, whose runners need CPUs too.

    Returns:
        The chosen values (RLlib's names, and `torch_threads`) and the reasons, as sentences.
    """
    so_far = deepcopy(hardware)
    chosen: dict[str, Any] = {}
    reasons: list[str] = []
    for key in KEYS:
        given = so_far.torch_threads if key == "torch_threads" else so_far.settings.get(key)
        if given is not None:
            continue
        context = _Context(so_far, machine, env_step_s, kind_of(algorithm), dict(evaluation or {}))
        value, why = _known(key, known, context) or _RULES[key](context)
        chosen[key] = value
        reasons.append(f"{key}={value}: {why}.")
        if key == "torch_threads":
            so_far.torch_threads = value
        else:
            so_far.settings[key] = value
    if machine.main is not None:
        reasons.insert(0, f"From {machine.host}, which has {_free(machine)}.")
    if hardware.address == "local" and machine.cluster is not None and machine.cluster.reachable:
        reasons.append(
            f"A Ray cluster at {machine.cluster.address} was left alone; hardware.address=auto would join it."
        )
    return chosen, reasons


def room_for_runners(
    hardware: HardwareChoice, machine: Machine, evaluation: Mapping[str, Any] | None = None
) -> int:
    """Remote env runners that the machine holds beside the run's other processes."""
    return _Context(hardware, machine, None, "on_policy", dict(evaluation or {})).room_for_runners()


def _free(machine: Machine) -> str:
    return f"{machine.cores} CPUs and {len(machine.gpus)} GPUs free"


def _cores(count: int) -> str:
    return "1 core" if count == 1 else f"{count} cores"


class _Context:
    """The machine, the environment and the choices made so far, which the rules depend on."""

    def __init__(
        self,
        hardware: HardwareChoice,
        machine: Machine,
        step_s: float | None,
        kind: Kind,
        evaluation: dict[str, Any],
    ) -> None:
        self.hardware, self.settings, self.machine = hardware, hardware.settings, machine
        self.kind, self.evaluation, self.cores = kind, evaluation, machine.cores
        self.main = machine.main or machine
        self.these_cores = _cores(self.cores) if machine.main is None else f"the cluster's {self.cores} CPUs"
        self.step_s = step_s
        self.fast = step_s is not None and step_s < FAST_S
        self.slow = step_s is not None and step_s >= SLOW_S
        self.speed = "of unknown speed" if step_s is None else f"{step_s * 1e3:.2g} ms a step"

    def free(self, resource: str, without: str) -> float:
        """CPUs or GPUs that are left when every process but the kind `without` has its share."""
        groups = [group for group in process_groups(self.hardware, self.evaluation) if group.what != without]
        have = self.machine.cores if resource == "CPU" else len(self.machine.gpus)
        return have - sum(s.count * (s.cpus if resource == "CPU" else s.gpus) for s in groups)

    def room_for_runners(self) -> int:
        """Remote env runners that fit beside everything else."""
        fits = [float(MOST_RUNNERS)]
        for resource, key, default in (
            ("CPU", "num_cpus_per_env_runner", 1),
            ("GPU", "num_gpus_per_env_runner", 0),
        ):
            each = float(setting(self.settings, key, default))
            if each > 0:
                fits.append(self.free(resource, "env runner") / each)
        return max(0, int(min(fits) + 1e-6))

    def room_for_learners(self) -> int:
        """Remote learners, each with its aggregators, that fit beside everything else."""
        groups = process_groups(self.hardware, self.evaluation)
        others = sum(s.count * s.cpus for s in groups if s.what not in ("learner", "aggregator"))
        aggregators = int(setting(self.settings, "num_aggregator_actors_per_learner", 0))
        return max(0, int((self.machine.cores - others) / (1 + aggregators) + 1e-6))

    @property
    def runners(self) -> int:
        return int(setting(self.settings, "num_env_runners", 0))


def _known(key: str, known: Mapping[str, Chosen], context: _Context) -> Chosen | None:
    if key not in known:
        return None
    value, why = known[key]
    room = {
        "num_env_runners": context.room_for_runners,
        "num_gpus_per_learner": lambda: _gpus_for_learners(context),
        "num_learners": context.room_for_learners,
        "torch_threads": lambda: context.main.cores,
    }.get(key)
    if room is not None and value > room():
        return None
    return value, why


def _num_learners(context: _Context) -> Chosen:
    if context.machine.gpus and not context.main.gpus and context.room_for_learners():
        return 1, "the cluster has a GPU and this machine, where the main process is, has none"
    more = (
        f"; hardware=multi_gpu uses all {len(context.machine.gpus)} GPUs"
        if len(context.machine.gpus) > 1
        else ""
    )
    return 0, f"the main process learns, which saves a process and the way of the data to it{more}"


def _gpus_for_learners(context: _Context) -> float:
    """GPUs that each learner can have, when env runners have theirs."""
    learners = int(setting(context.settings, "num_learners", 0))
    # A local learner's GPU is one of this machine.
    have = len(context.machine.gpus if learners else context.main.gpus)
    groups = process_groups(context.hardware, context.evaluation)
    others = sum(s.count * s.gpus for s in groups if s.what in ("env runner", "evaluation runner"))
    return (min(have, len(context.machine.gpus)) - others) / max(1, learners)


def _num_gpus_per_learner(context: _Context) -> Chosen:
    if not context.machine.gpus:
        return 0, "there is no GPU"
    if _gpus_for_learners(context) < 1:
        return 0, "there are fewer free GPUs than learners"
    return 1, (
        f"there is a GPU ({context.machine.gpus[0]}); for a small network on vectors, "
        "hardware.num_gpus_per_learner=0 can be faster"
    )


def _num_env_runners(context: _Context) -> Chosen:
    room = context.room_for_runners()
    if context.kind == "offline":
        return 0, "the algorithm learns from recorded data"
    if room == 0:
        return 0, f"with {context.these_cores} none is left for a runner of its own"
    if context.kind == "async":
        count = room if context.slow else min(room, 4)
        return (
            count,
            f"the algorithm learns while remote runners sample, and {room} fit on {context.these_cores}",
        )
    if context.kind == "model_based":
        return 0, "the algorithm spends its time in the world model, not in the environment"
    if context.fast:
        return 0, f"the environment is fast ({context.speed}): a remote runner would cost more than it brings"
    if context.kind == "off_policy":
        return 0, f"more runners mean fewer updates a step ({context.speed})"
    if context.cores < 4:
        return (
            0,
            f"{context.these_cores}: sampling and learning take turns, so remote runners would bring nothing",
        )
    if context.slow:
        return (
            room,
            f"the environment is slow ({context.speed}): all that is free of {context.these_cores} samples",
        )
    return 0, f"the environment ({context.speed}) does not clearly pay for remote runners"


def _vectorize_mode(context: _Context) -> Chosen:
    if context.slow and context.runners == 0 and context.main.cores > 1 and context.kind == "on_policy":
        return (
            "async",
            f"the environment is slow ({context.speed}): a process for each uses the {context.main.cores} cores",
        )
    if context.runners:
        return "sync", "the runners are processes already"
    return "sync", f"the environment is {context.speed}: a process for each would cost more than it brings"


def _num_envs(context: _Context) -> Chosen:
    if context.kind in ("off_policy", "model_based"):
        return (
            1,
            "off-policy: RLlib updates once a sampling round, so more environments mean fewer updates a step",
        )
    if context.kind == "offline":
        return 1, "the algorithm learns from recorded data"
    if context.settings.get("gym_env_vectorize_mode") == "async":
        count = 2 if context.runners else max(2, min(16, 2 * context.main.cores))
        return count, "two environment processes a core keep the cores busy while one waits"
    if context.runners:
        count = 4 if context.slow else 8
        return count, f"the network acts for all {count} of a runner's environments at once"
    count = 4 if context.slow else 8
    return count, f"the network acts for all {count} at once, which costs little more than acting for one"


def _torch_threads(context: _Context) -> Chosen:
    if context.settings.get("gym_env_vectorize_mode") == "async":
        return 1, "the environment processes need the cores"
    groups = process_groups(context.hardware, context.evaluation)
    if context.machine.main is not None:
        return booked_threads(
            groups
        ), "others use this machine of the cluster too: what is booked for the main process"
    threads = spare_threads(
        context.hardware, context.machine, sum(s.count * s.cpus for s in groups if s.remote)
    )
    return (
        threads,
        "half of the free cores: a thread that waits for a busy core costs more than an idle core brings",
    )


_RULES = {
    "num_learners": _num_learners,
    "num_gpus_per_learner": _num_gpus_per_learner,
    "num_env_runners": _num_env_runners,
    "gym_env_vectorize_mode": _vectorize_mode,
    "num_envs_per_env_runner": _num_envs,
    "torch_threads": _torch_threads,
}
