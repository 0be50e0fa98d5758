"""Where processes lie: RLlib's bundles in this process, and a cluster of two machines in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hardware_configs import machine, run_config

from rlexp.base.errors import ConfigError
from rlexp.hardware.demand import check_fits

HERE = Path(__file__).parent


def test_runners_are_counted_from_a_main_process_that_books_nothing() -> None:
    from ray.rllib.algorithms.ppo import PPOConfig

    from rlexp.hardware.ray_session.placement import NOTHING, request

    config = PPOConfig().environment("CartPole-v1").env_runners(num_env_runners=2, num_cpus_per_env_runner=3)
    config.learners(num_learners=0, num_cpus_per_learner=0).resources(
        num_cpus_for_main_process=0, placement_strategy="SPREAD"
    )
    asked = request(config)
    assert asked.bundles == [NOTHING, {"CPU": 3}, {"CPU": 3}]
    assert asked.strategy == "SPREAD"
    config.resources(num_cpus_for_main_process=2, custom_resources_for_main_process={"licence": 1})
    assert request(config).bundles[0] == {"CPU": 2, "licence": 1}


def test_a_machine_for_each_process_is_refused_on_one() -> None:
    config = run_config(num_env_runners=1, placement_strategy="STRICT_SPREAD")
    with pytest.raises(ConfigError, match="STRICT_SPREAD wants a machine for each process") as caught:
        check_fits(config, machine(4))
    assert caught.value.fix == "hardware.placement_strategy=PACK"
    check_fits(run_config(placement_strategy="STRICT_SPREAD"), machine(4))


def test_what_ray_client_cannot_give_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray
    from ray.rllib.algorithms.ppo import PPOConfig

    from rlexp.hardware.ray_session import placement

    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(placement, "get_current_placement_group", lambda: None)
    monkeypatch.setattr(ray.util.client.ray, "is_connected", lambda: True)
    with pytest.raises(ConfigError, match="no effect through ray://"):
        placement.reserve(run_config(address="ray://head:1", placement_strategy="SPREAD"), PPOConfig())
    assert placement.reserve(run_config(address="ray://head:1"), PPOConfig()).group is None


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `cluster_driver.py` saw."""
    folder = tmp_path_factory.mktemp("cluster")
    path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    done = subprocess.run(
        [sys.executable, str(HERE / "cluster_driver.py"), str(folder / "log.txt")],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.slow
def test_auto_chooses_from_the_cluster_and_names_it(seen: dict[str, Any]) -> None:
    auto = seen["auto"]
    assert auto["joined"]
    assert auto["notes"][0] == f"From the Ray cluster at {seen['address']}, which has 4 CPUs and 0 GPUs free."
    assert "torch_threads=1" in auto["chosen"]
    assert seen["too_much"].startswith("ConfigError 2 True")
    assert "the cluster has 4" in seen["too_much"]


@pytest.mark.slow
def test_processes_lie_in_the_group_and_a_killed_runner_comes_back_there(seen: dict[str, Any]) -> None:
    spread = seen["spread"]
    assert spread["booked"][0] == seen["here"] and len(set(spread["booked"])) == 2
    for told in (spread["before"], spread["after"]):
        assert [told[key]["node"] for key in ("1", "2")] == spread["booked"][1:]
        assert {each["group"] for each in told.values()} == {spread["group"]}
    assert spread["before"]["1"]["pid"] != spread["after"]["1"]["pid"]
    assert spread["left"], "the driver itself counts as in the group only while RLlib builds"
    assert seen["spread freed"] == 4


@pytest.mark.slow
def test_a_learner_leaves_the_main_process_its_cpu(seen: dict[str, Any]) -> None:
    main, learner = seen["learner_apart"]["booked"]
    assert main == seen["here"] != learner
    assert seen["learner_apart"]["learner"] == learner
    assert seen["learner_apart freed"] == 4


@pytest.mark.slow
def test_strict_pack_is_this_machine(seen: dict[str, Any]) -> None:
    assert seen["packed"]["runners"] == [seen["here"]] * 2


@pytest.mark.slow
def test_what_cannot_be_placed_is_told_with_what_there_is(seen: dict[str, Any]) -> None:
    assert seen["busy"].startswith("RunFailedError 1 True")
    assert "asks for CPU 3 ({CPU 1} for the main process on this machine, 2 x {CPU 1}" in seen["busy"]
    assert seen["busy"].endswith("free on the cluster: CPU 1")
    assert seen["busy freed"] == 4
    assert seen["no machine"].startswith("ConfigError 2 True")
    assert "this machine CPU 2; another CPU 2" in seen["no machine"]
    assert seen["no machine"].endswith("write: hardware.placement_strategy=PACK")
    assert seen["not here"].endswith("write: hardware.num_cpus_for_main_process=2")


@pytest.mark.slow
def test_a_trial_of_tunes_is_placed_once(seen: dict[str, Any]) -> None:
    assert seen["tune"] == {"errors": [], "bundles": [[{"memory": 1}, {"CPU": 1}, {"CPU": 1}]]}
