from typing import Any

import pytest
from hardware_configs import machine, run_config

from rlexp.base.errors import ConfigError
from rlexp.hardware.demand import (
    check_fits,
    check_fits_cluster,
    custom_resources,
    processes_of,
    total_resources,
)
from rlexp.hardware.machine.machine import Machine
from rlexp.hardware.ray_session.session import needs_ray


def test_a_thousand_runners_are_refused_with_the_sum_and_the_keys() -> None:
    with pytest.raises(ConfigError) as caught:
        check_fits(run_config(num_env_runners=1000), machine(4))
    text = str(caught.value)
    assert "asks for 1001 CPUs (1 main process x 1 + 1000 env runners x 1)" in text
    assert "hardware.num_cpus_for_main_process" in text and "hardware.num_cpus_per_env_runner" in text
    assert "num_gpus" not in text
    assert caught.value.key == "hardware.num_env_runners"
    assert caught.value.fix == "hardware.num_env_runners=3"
    assert caught.value.exit_code == 2


def test_every_process_is_counted() -> None:
    evaluation = {"evaluation_interval": 5, "evaluation_num_env_runners": 2}
    config = run_config(
        evaluation=evaluation, num_env_runners=2, num_learners=2, num_aggregator_actors_per_learner=1
    )
    check_fits(config, machine(1 + 2 + 2 + 2 + 2))
    with pytest.raises(ConfigError, match="2 aggregators x 1 .*evaluation_num_env_runners"):
        check_fits(config, machine(8))
    config.evaluation.settings["evaluation_interval"] = None
    check_fits(config, machine(7))


def test_null_means_what_rllib_takes_for_it() -> None:
    from ray.rllib.algorithms.impala import IMPALAConfig
    from ray.rllib.algorithms.ppo import PPOConfig

    for rllib in (PPOConfig(), IMPALAConfig()):
        path = f"{type(rllib).__module__}.{type(rllib).__name__}"
        config = run_config(path, num_env_runners=None, num_learners=None)
        asked = total_resources(processes_of(config))["CPU"]
        assert asked == 1 + rllib.num_env_runners + rllib.num_learners
        assert needs_ray(config)


def test_the_proposed_value_fits() -> None:
    config = run_config(num_env_runners=9, num_cpus_per_env_runner=2, num_learners=1)
    with pytest.raises(ConfigError) as caught:
        check_fits(config, machine(8))
    key, _, value = (caught.value.fix or "").partition("=")
    assert key == "hardware.num_env_runners"
    config.hardware.settings["num_env_runners"] = int(value)
    check_fits(config, machine(8))


@pytest.mark.parametrize(
    ("settings", "evaluators", "fix"),
    [
        ({"num_env_runners": 1}, 0, "hardware.num_env_runners=0"),
        ({"num_learners": 1}, 0, "hardware.num_learners=0"),
        ({}, 1, "evaluation.evaluation_num_env_runners=0"),
        ({"num_env_runners": 1, "num_learners": 1}, 0, "hardware.num_env_runners=0 hardware.num_learners=0"),
        ({"num_env_runners": 2, "num_cpus_per_env_runner": 0.5}, 0, "hardware.num_env_runners=0"),
    ],
)
def test_on_one_core_the_proposed_values_are_others_and_fit(
    settings: dict[str, Any], evaluators: int, fix: str
) -> None:
    evaluation = {"evaluation_interval": 1, "evaluation_num_env_runners": evaluators}
    config = run_config(evaluation=evaluation, **settings)
    with pytest.raises(ConfigError) as caught:
        check_fits(config, machine(1))
    assert caught.value.fix == fix
    for part in fix.split():
        group, key, value = part.replace("=", ".").split(".")
        getattr(config, group).settings[key] = int(value)
    check_fits(config, machine(1))


def test_gpus() -> None:
    with pytest.raises(ConfigError, match="hardware.num_gpus_per_learner") as caught:
        check_fits(run_config(num_gpus_per_learner=1), machine(4))
    assert caught.value.fix == "hardware.num_gpus_per_learner=0"
    check_fits(
        run_config(num_gpus_per_learner=0.5, num_env_runners=2, num_gpus_per_env_runner=0.25), machine(4, 1)
    )
    with pytest.raises(ConfigError, match="GPUs"):
        check_fits(
            run_config(num_gpus_per_learner=0.5, num_env_runners=3, num_gpus_per_env_runner=0.25),
            machine(4, 1),
        )


def test_one_process_runs_on_one_core() -> None:
    check_fits(run_config(num_cpus_for_main_process=2), machine(1))


def test_a_cluster_is_checked_by_what_it_has() -> None:
    config = run_config(
        address="auto", num_env_runners=20, num_learners=1, custom_resources_per_env_runner={"licence": 1}
    )
    check_fits(config, machine(1))
    check_fits_cluster(config, {"CPU": 22, "licence": 20})
    with pytest.raises(ConfigError, match="cluster has 8"):
        check_fits_cluster(config, {"CPU": 8, "licence": 20})
    with pytest.raises(ConfigError, match="20 of the resource 'licence'"):
        check_fits_cluster(config, {"CPU": 64})
    assert custom_resources(config) == {"licence": 20}


def test_a_cluster_seen_as_one_machine() -> None:
    seen = Machine.of_cluster(machine(2), "head:6379", {"CPU": 96.0, "GPU": 4.0})
    assert (seen.cores, len(seen.gpus), seen.main) == (96, 4, machine(2))
    assert Machine.of_cluster(machine(2), "head:6379", {}).cores == 1, "what is all taken has no entry"
