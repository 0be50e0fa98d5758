"""Where a run's processes lie: one placement group for all of them, as Tune makes for a trial.

RLlib reads `placement_strategy` and the main process's share only to write its request to Tune, and starts its
actors in the placement group that the main process is in. A driver is in none, so that without Tune both would
have no effect. `reserve` makes the group that Tune would make; RLlib makes its actors (runners, evaluation runners,
learners, aggregators) while the `Placement` is entered, and they land there. It makes none later: one that fails is
started anew by Ray, in the bundle it was made for.

Imported only once a run is being built: it imports Ray.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import ray
from ray.util import get_current_placement_group, placement_group_table, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from rlexp.base.errors import ConfigError, RunFailedError
from rlexp.compat.ray_core import in_placement_group
from rlexp.config.schema import RunConfig

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
    from ray.tune import PlacementGroupFactory
    from ray.util.placement_group import PlacementGroup

WAIT_S = 120.0
"""Seconds that a run waits for CPUs and GPUs that others of the cluster hold."""
NOTHING = {"memory": 1.0}
"""A byte: Ray takes no empty bundle, and RLlib counts the runners' bundles from the main process's, which is first."""
NODE = "ray.io/node-id"


class Placement:
    """The placement group of one run.

    Args:
        group: None where there is nothing to place, or where Tune has placed the run.
        seat: an actor that takes up the main process's bundle, see `_taken`.
    """

    def __init__(self, group: PlacementGroup | None = None, seat: Any = None) -> None:
        self.group, self._seat = group, seat

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Places all actors that are made meanwhile in the group, for good."""
        if self.group is None:
            yield
            return
        with in_placement_group(self.group.id):
            yield

    def release(self) -> None:
        """Gives everything back and ends what is still in the group; doing it twice is harmless."""
        group, self.group, self._seat = self.group, None, None
        if group is not None and ray.is_initialized():
            remove_placement_group(group)


def request(algorithm: AlgorithmConfig) -> PlacementGroupFactory:
    """What the run books: the main process's bundle first, then one for each process, in RLlib's order."""
    from ray.tune import PlacementGroupFactory

    asked = algorithm.algo_class.default_resource_request(algorithm)
    bundles = [{}, *asked.bundles] if asked.head_bundle_is_empty else asked.bundles
    return PlacementGroupFactory([bundle or NOTHING for bundle in bundles], strategy=asked.strategy)


def reserve(config: RunConfig, algorithm: AlgorithmConfig) -> Placement:
    """Makes the run's placement group and waits for it; the main process's bundle lies on this machine.

    An empty `Placement` where Ray is not running, where this process is in a group already (a trial of Tune's),
    and for a run of one process with a Ray of its own. Through `ray://` too: the main process is outside of the
    cluster, and its placement group cannot be that of the actors.

    Raises:
        ConfigError: the machines cannot hold the run so, whatever is free; or what is asked cannot be had through
            `ray://`.
        RunFailedError: others held the resources for two minutes.
    """
    if not ray.is_initialized() or get_current_placement_group() is not None:
        return Placement()
    asked = request(algorithm)
    if len(asked.bundles) == 1 and config.hardware.address == "local":
        return Placement()
    if ray.util.client.ray.is_connected():
        _check_outside(config)
        return Placement()
    here = ray.get_runtime_context().get_node_id()
    anywhere: list[dict[str, str]] = [{} for _ in asked.bundles[1:]]
    group = ray.util.placement_group(
        asked.bundles, strategy=asked.strategy, bundle_label_selector=[{NODE: here}, *anywhere]
    )
    try:
        _wait(group, asked, here)
        seat = _taken(group, asked.bundles[0]) if _learners_or_aggregators(algorithm) else None
    except BaseException:
        remove_placement_group(group)
        raise
    return Placement(group, seat)


def _check_outside(config: RunConfig) -> None:
    settings = config.hardware.settings
    for key, nothing in (("placement_strategy", "PACK"), ("custom_resources_for_main_process", {})):
        if (settings.get(key) or nothing) != nothing:
            raise ConfigError(
                f"hardware.{key} has no effect through ray://, where the main process is outside of the cluster; "
                "on a machine of the cluster, hardware.address=<head>:6379 gives it its effect",
                key=f"hardware.{key}",
                fix=f"hardware.{key}={nothing}",
            )


def _learners_or_aggregators(algorithm: AlgorithmConfig) -> bool:
    return bool(algorithm.num_learners or algorithm.num_aggregator_actors_per_learner)


class _Seat:
    """An actor that does nothing, in the main process's bundle."""

    def taken(self) -> None:
        """Returns once the actor is there."""


def _taken(group: PlacementGroup, bundle: dict[str, float]) -> Any:
    """An actor that uses what is booked for the main process.

    A driver does not use what is booked for it, and RLlib starts learners and aggregators in any bundle of the
    group: without the actor they would take the main process's.
    """
    custom = {name: amount for name, amount in bundle.items() if name not in ("CPU", "GPU", "memory")}
    seat = (
        ray.remote(_Seat)
        .options(
            num_cpus=bundle.get("CPU", 0),
            num_gpus=bundle.get("GPU", 0),
            resources=custom,
            scheduling_strategy=PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=0),
        )
        .remote()
    )
    ray.get(seat.taken.remote(), timeout=WAIT_S)
    return seat


def _wait(group: PlacementGroup, asked: PlacementGroupFactory, here: str) -> None:
    end = time.monotonic() + WAIT_S
    # In steps of a second, between which Ctrl-C is noticed.
    while not group.wait(1):
        state = placement_group_table(group)["stats"]["scheduling_state"]
        if state == "INFEASIBLE":
            raise _cannot_hold(asked, here)
        if time.monotonic() > end:
            raise RunFailedError(
                f"the run asks for {describe(asked.required_resources)} ({_bundles(asked)}) and waited {WAIT_S:g} s; "
                f"free on the cluster: {describe(ray.available_resources())}"
            )


def _cannot_hold(asked: PlacementGroupFactory, here: str) -> ConfigError:
    machines = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
    own, main = machines.pop(here, {}), asked.bundles[0]
    lacking = [name for name, amount in main.items() if own.get(name, 0.0) < amount]
    have = "; ".join(
        [f"this machine {describe(own)}", *(f"another {describe(each)}" for each in machines.values())]
    )
    key, fix = "hardware.placement_strategy", "hardware.placement_strategy=PACK"
    if lacking:
        key = {"CPU": "hardware.num_cpus_for_main_process", "GPU": "hardware.num_gpus_per_learner"}.get(
            lacking[0], "hardware.custom_resources_for_main_process"
        )
        fix = f"{key}={'{}' if 'custom' in key else int(own.get(lacking[0], 0))}"
    return ConfigError(
        f"no way to lay {_bundles(asked)} on the cluster's machines: {have}",
        key=key,
        fix=fix if lacking or asked.strategy != "PACK" else None,
    )


def _bundles(asked: PlacementGroupFactory) -> str:
    """E.g. `{CPU 1} for the main process on this machine, 2 x {CPU 1}, hardware.placement_strategy=SPREAD`."""
    counts: dict[str, int] = {}
    for bundle in asked.bundles[1:]:
        counts[describe(bundle)] = counts.get(describe(bundle), 0) + 1
    parts = [f"{{{describe(asked.bundles[0])}}} for the main process on this machine"]
    parts += [f"{count} x {{{what}}}" for what, count in counts.items()]
    return ", ".join([*parts, f"hardware.placement_strategy={asked.strategy}"])


def describe(resources: dict[str, float]) -> str:
    """CPUs, GPUs and custom resources as text; Ray's own entries, other groups' among them, are left out."""
    own = ("memory", "object_store_memory")
    shown = {
        name: amount
        for name, amount in resources.items()
        if name not in own and not name.startswith(("node:", "accelerator")) and "_group_" not in name
    }
    return ", ".join(f"{name} {amount:g}" for name, amount in sorted(shown.items())) or "nothing"
