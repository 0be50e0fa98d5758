from typing import Any

import pytest
from hardware_configs import PPO, machine, run_config
from hypothesis import given, settings
from hypothesis import strategies as st

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import ALGORITHMS as TABLE
from rlexp.config.schema import HardwareChoice
from rlexp.hardware.auto import KEYS, choose
from rlexp.hardware.demand import check_fits
from rlexp.hardware.machine.machine import Machine

FAST, SLOW = 2e-5, 1e-2
ALGORITHMS = [*TABLE, "my_lab.MyConfig", PPO]


def _choose(
    cores: int, gpus: int = 0, step_s: float | None = FAST, algorithm: str = PPO, **fixed: Any
) -> dict:
    return choose(HardwareChoice(auto=True, settings=fixed), machine(cores, gpus), step_s, algorithm, {})[0]


@settings(max_examples=300, deadline=None)
@given(
    cores=st.integers(1, 256),
    gpus=st.integers(0, 8),
    step_s=st.one_of(st.none(), st.floats(1e-6, 10)),
    algorithm=st.sampled_from(ALGORITHMS),
    evaluators=st.integers(0, 4),
    fixed=st.fixed_dictionaries(
        {},
        optional={
            "num_cpus_per_env_runner": st.integers(0, 4),
            "num_gpus_per_env_runner": st.sampled_from([0, 0.25, 1]),
            "gym_env_vectorize_mode": st.sampled_from(["sync", "async", None]),
            "num_aggregator_actors_per_learner": st.integers(0, 2),
        },
    ),
    known=st.fixed_dictionaries(
        {},
        optional={
            "num_env_runners": st.integers(0, 300),
            "num_gpus_per_learner": st.sampled_from([0, 0.5, 1, 4]),
            "torch_threads": st.integers(1, 64),
            "num_learners": st.integers(0, 9),
        },
    ),
)
def test_never_asks_for_more_than_there_is(
    cores: int,
    gpus: int,
    step_s: float | None,
    algorithm: str,
    evaluators: int,
    fixed: dict[str, Any],
    known: dict[str, Any],
) -> None:
    evaluation = {"evaluation_interval": 1, "evaluation_num_env_runners": evaluators}
    here = machine(cores, gpus)
    hardware = HardwareChoice(auto=True, settings=dict(fixed))
    try:  # What is fixed may already be too much; then there is nothing to choose well.
        check_fits(run_config(algorithm, evaluation, **{**fixed, "num_env_runners": 0}), here)
    except ConfigError:
        return
    measured = {key: (value, "measured") for key, value in known.items()}
    chosen, reasons = choose(hardware, here, step_s, algorithm, measured, evaluation=evaluation)
    assert hardware.settings == fixed, "the choice itself is not changed"
    assert set(chosen) == {key for key in KEYS if fixed.get(key) is None}
    assert len(reasons) == len(chosen)
    assert all(reason.startswith(f"{key}=") for key, reason in zip(chosen, reasons, strict=True))
    check_fits(run_config(algorithm, evaluation, **{**fixed, **chosen}), here)
    assert chosen["num_envs_per_env_runner"] >= 1
    assert 1 <= chosen["torch_threads"] <= cores


def test_fast_environment_stays_in_one_process() -> None:
    for cores in (1, 2, 4, 64):
        assert _choose(cores)["num_env_runners"] == 0
    assert _choose(2)["num_envs_per_env_runner"] > 1


def test_slow_environment_uses_every_core() -> None:
    assert _choose(8, step_s=SLOW)["num_env_runners"] == 7
    assert _choose(8, step_s=SLOW, num_learners=2)["num_env_runners"] == 5
    two = _choose(2, step_s=SLOW)
    assert (two["num_env_runners"], two["gym_env_vectorize_mode"]) == (0, "async")


@pytest.mark.parametrize("name", ["dqn", "SACConfig", "ray.rllib.algorithms.tqc.TQCConfig"])
def test_off_policy_keeps_its_updates_per_step(name: str) -> None:
    assert _choose(8, algorithm=name)["num_envs_per_env_runner"] == 1


@pytest.mark.parametrize("name", ["impala", "appo"])
def test_asynchronous_algorithms_get_a_remote_runner_where_one_fits(name: str) -> None:
    assert _choose(2, algorithm=name)["num_env_runners"] == 1
    assert _choose(1, algorithm=name)["num_env_runners"] == 0


def test_offline_samples_nothing() -> None:
    assert _choose(32, step_s=SLOW, algorithm="bc")["num_env_runners"] == 0


def test_what_is_set_stays_and_what_is_known_goes_before_the_rules() -> None:
    hardware = HardwareChoice(
        auto=True, torch_threads=3, settings={"num_env_runners": 2, "num_learners": None}
    )
    known = {"num_envs_per_env_runner": (5, "measured: 5"), "num_env_runners": (1, "measured: 1")}
    chosen, reasons = choose(hardware, machine(8), FAST, "ppo", known)
    assert "num_env_runners" not in chosen and "torch_threads" not in chosen
    assert chosen["num_learners"] == 0
    assert chosen["num_envs_per_env_runner"] == 5
    assert "num_envs_per_env_runner=5: measured: 5." in reasons


def test_a_gpu_is_used_and_several_are_told_of() -> None:
    chosen, reasons = choose(HardwareChoice(auto=True), machine(8, 2), FAST, "ppo", {})
    assert chosen["num_gpus_per_learner"] == 1
    assert any("multi_gpu" in reason for reason in reasons)
    assert _choose(8, 2, num_learners=4)["num_gpus_per_learner"] == 0


def test_a_cluster_is_told_from_the_machine_of_the_main_process() -> None:
    cluster = Machine.of_cluster(machine(2), "head:6379", {"CPU": 16.0, "GPU": 2.0})
    hardware = HardwareChoice(auto=True, address="head:6379")
    chosen, reasons = choose(hardware, cluster, SLOW, PPO, {})
    assert reasons[0] == "From the Ray cluster at head:6379, which has 16 CPUs and 2 GPUs free."
    assert chosen["num_env_runners"] == 15, "the learner on a GPU takes no CPU, the main process one"
    assert (chosen["num_learners"], chosen["num_gpus_per_learner"]) == (1, 1), "this machine has no GPU"
    assert chosen["torch_threads"] == 1, "cores of other machines are of no use to the main process"
    own_gpu = Machine.of_cluster(machine(2, 1), "head:6379", {"CPU": 16.0, "GPU": 2.0})
    assert choose(hardware, own_gpu, SLOW, PPO, {})[0]["num_learners"] == 0
    four = HardwareChoice(auto=True, address="head:6379", settings={"num_cpus_for_main_process": 4})
    assert choose(four, own_gpu, SLOW, PPO, {})[0]["torch_threads"] == 4
