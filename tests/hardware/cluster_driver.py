"""A driver for the tests of placement: two machines of two CPUs each, simulated; says as JSON what it saw.

Usage: cluster_driver.py LOG
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster

import rlexp
from rlexp.base.errors import RlexpError
from rlexp.config.convert import to_plain
from rlexp.config.schema import RunConfig
from rlexp.hardware.ray_session import placement, session
from rlexp.run.building.prepare import prepare
from rlexp.run.trainable import RunTrainable

ADDRESS, LOG = "", Path(sys.argv[1])


def compose(*overrides: str) -> RunConfig:
    plain = (
        "callbacks=none",
        "tracking=none",
        "debug=tiny",
        "evaluation=none",
        f"hardware.address={ADDRESS}",
    )
    return rlexp.compose([*plain, *(f"hardware.{override}" for override in overrides)])


def node() -> str:
    return str(ray.get_runtime_context().get_node_id())


def nodes_of(group: Any) -> list[str]:
    table = ray.util.placement_group_table(group)
    return [where for _, where in sorted(table["bundles_to_node_id"].items())]


def about(actor: Any) -> dict[str, Any]:
    group = ray.util.get_current_placement_group()
    return {"node": node(), "pid": os.getpid(), "group": group and group.id.hex()}


def runners(trainable: RunTrainable) -> dict[int, dict[str, Any]]:
    manager = trainable.algorithm.env_runner_group._worker_manager
    return {result.actor_id: result.get() for result in manager.foreach_actor(about) if result.ok}


def auto() -> dict[str, Any]:
    prepared = prepare(compose("auto=true", "num_env_runners=null", "torch_threads=null"), LOG)
    return {"notes": prepared.notes, "chosen": prepared.chosen, "joined": ray.is_initialized()}


def too_much() -> str:
    return refused("num_env_runners=9")


def refused(*overrides: str) -> str:
    """What is said of a run, and in how many seconds."""
    begin = time.monotonic()
    try:
        RunTrainable(config={"prepared": prepare(compose(*overrides), LOG)}).stop()
    except RlexpError as error:
        return f"{type(error).__name__} {error.exit_code} {time.monotonic() - begin < 15} {error}"
    return "nothing"


def spread() -> dict[str, Any]:
    """Two runners and the main process over two machines; one runner is killed."""
    asked = compose("num_env_runners=2", "num_cpus_for_main_process=1", "placement_strategy=SPREAD")
    trainable = RunTrainable(config={"prepared": prepare(asked, LOG)})
    group = trainable._placement.group
    booked, before = nodes_of(group), runners(trainable)
    after_building = ray.util.get_current_placement_group() is None
    os.kill(before[1]["pid"], signal.SIGKILL)
    end = time.monotonic() + 60
    after = runners(trainable)
    while (len(after) < 2 or after[1]["pid"] == before[1]["pid"]) and time.monotonic() < end:
        trainable.train()
        after = runners(trainable)
    trainable.stop()
    return {
        "group": group.id.hex(),
        "booked": booked,
        "before": before,
        "after": after,
        "left": after_building,
    }


def learner_apart() -> dict[str, Any]:
    """The main process's CPU is not the learner's to take."""
    asked = compose(
        "num_env_runners=0",
        "num_learners=1",
        "num_cpus_per_learner=1",
        "num_cpus_for_main_process=1",
        "placement_strategy=STRICT_SPREAD",
    )
    trainable = RunTrainable(config={"prepared": prepare(asked, LOG)})
    (learner,) = trainable.algorithm.learner_group.foreach_learner(about)
    seen = {"booked": nodes_of(trainable._placement.group), "learner": learner.get()["node"]}
    trainable.stop()
    return seen


def packed() -> dict[str, Any]:
    """Nothing is booked for the main process, yet the runners lie on its machine."""
    nothing = ("num_cpus_for_main_process=0", "num_cpus_per_learner=0")
    asked = compose("num_env_runners=2", *nothing, "placement_strategy=STRICT_PACK")
    trainable = RunTrainable(config={"prepared": prepare(asked, LOG)})
    seen = {"runners": [each["node"] for each in runners(trainable).values()]}
    trainable.stop()
    return seen


def busy() -> str:
    """Another has the CPUs that the run asks for."""
    other = ray.util.placement_group([{"CPU": 2}, {"CPU": 1}], strategy="SPREAD")
    assert other.wait(30)
    placement.WAIT_S = 2.0
    said = refused("num_env_runners=2", "num_cpus_for_main_process=1", "placement_strategy=SPREAD")
    ray.util.remove_placement_group(other)
    return said


def tune() -> dict[str, Any]:
    """A trial of Tune's lies in Tune's group, and its runners with it."""
    from ray import tune

    asked = rlexp.compose(
        ["callbacks=none", "tracking=none", "debug=tiny", "hardware=laptop", "evaluation=none"]
    )
    before = set(ray.util.placement_group_table())
    results = tune.Tuner(
        RunTrainable,
        param_space={"run": to_plain(asked)},
        run_config=tune.RunConfig(
            stop={"training_iteration": 1}, storage_path=str(LOG.parent / "tune"), verbose=0
        ),
    ).fit()
    made = {key: table for key, table in ray.util.placement_group_table().items() if key not in before}
    bundles = [list(table["bundles"].values()) for table in made.values()]
    return {"errors": [str(error) for error in results.errors], "bundles": bundles}


def freed() -> float:
    """CPUs free once what was released has come back."""
    end = time.monotonic() + 10
    while ray.available_resources().get("CPU", 0) < 4 and time.monotonic() < end:
        time.sleep(0.1)
    return float(ray.available_resources().get("CPU", 0))


def main() -> None:
    global ADDRESS
    machine = {"num_cpus": 2, "object_store_memory": 100_000_000}
    cluster = Cluster(initialize_head=True, head_node_args=machine)
    try:
        cluster.add_node(**machine)
        cluster.wait_for_nodes()
        ADDRESS = cluster.address
        seen: dict[str, Any] = {"address": ADDRESS, "auto": auto(), "here": node()}
        for scenario in (too_much, spread, learner_apart, packed, busy, tune):
            seen[scenario.__name__] = scenario()
            seen[f"{scenario.__name__} freed"] = freed()
        seen["no machine"] = refused(
            "num_env_runners=2", "num_cpus_for_main_process=1", "placement_strategy=STRICT_PACK"
        )
        seen["not here"] = refused("num_env_runners=1", "num_cpus_for_main_process=3")
        print(json.dumps(seen), flush=True)
    finally:
        session.stop()
        cluster.shutdown()


if __name__ == "__main__":
    main()
