from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hardware_configs import PPO, machine, run_config

from rlexp.config.schema import HardwareChoice
from rlexp.hardware.auto import choose
from rlexp.hardware.demand import check_fits
from rlexp.run.compose import compose_plain

CHOICES = sorted((Path(__file__).parents[2] / "conf/hardware").glob("*.yaml"))
OWN = ("auto", "address", "torch_threads", "kernels", "env_vars")
ALLOWED = {name for builder in HardwareChoice.BUILDERS for name in builder.only} | {
    "restart_failed_env_runners",
    "ignore_env_runner_failures",
    "max_num_env_runner_restarts",
    "delay_between_env_runner_restarts_s",
    "env_runner_health_probe_timeout_s",
    "env_runner_restore_timeout_s",
}


@cache
def composed(choice: str) -> dict[str, Any]:
    return dict(compose_plain([f"hardware={choice}"]).plain["hardware"])


def settings_of(path: Path) -> dict[str, Any]:
    """What a choice sets, with what it inherits."""
    return deepcopy(composed(path.stem))


@pytest.mark.parametrize("path", CHOICES, ids=lambda path: path.stem)
def test_choice_is_commented_complete_and_known(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# ") and lines[0].endswith(".")
    assert all(
        "  #" in line or " # " in line for line in lines if line and not line.startswith(("#", "defaults:"))
    )
    keys = set(settings_of(path)) - set(OWN)
    assert keys <= ALLOWED
    assert keys == set(settings_of(CHOICES[0])) - set(OWN), "every choice has every key"


@pytest.mark.parametrize("path", CHOICES, ids=lambda path: path.stem)
def test_choice_is_complete_once_auto_has_chosen_and_fits_its_machine(path: Path) -> None:
    values = settings_of(path)
    own = {key: values.pop(key) for key in OWN}
    here = machine(2, 2) if path.stem == "gpu" else machine(4, 2) if path.stem == "multi_gpu" else machine(2)
    hardware = HardwareChoice(**own, settings=values)
    if hardware.auto:
        values |= choose(hardware, here, 1e-5, PPO, {})[0]
        hardware.torch_threads = values.pop("torch_threads")
    assert [key for key, value in values.items() if value is None] == []
    if own["address"] == "local":
        check_fits(run_config(**values), here)


def test_rllib_takes_every_choice() -> None:
    from ray.rllib.algorithms.ppo import PPOConfig

    for path in CHOICES:
        values = settings_of(path)
        config = PPOConfig().environment("CartPole-v1")
        given = {key: value for key, value in values.items() if key not in OWN and value is not None}
        for builder in HardwareChoice.BUILDERS:
            names = builder.only or [
                key for key in given if "restart" in key or "failures" in key or "timeout" in key
            ]
            part = {name: given.pop(name) for name in names if name in given}
            getattr(config, builder.method)(**part)
        config.validate()
        assert given == {}
