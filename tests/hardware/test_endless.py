"""Numbers that would take for ever are refused with how long it would be; budgets of any length are not."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from harness import tiny

from rlexp.base.errors import ConfigError
from rlexp.config.schema import RunConfig
from rlexp.hardware.machine.machine import inspect_machine
from rlexp.hardware.machine.memory_demand import check_memory
from rlexp.hardware.machine.time_demand import check_time


@pytest.fixture(scope="module")
def runs() -> dict[str, RunConfig]:
    found = {name: tiny(f"algorithm={name}", "tracking=none") for name in ("ppo", "dqn")}
    return {**found, "offline": found["ppo"], "dreamer": found["ppo"]}


def changed(config: RunConfig, **settings: Any) -> RunConfig:
    """`group__key=value`."""
    for name, value in settings.items():
        group, _, key = name.partition("__")
        part = getattr(config, group)
        names = {field.name for field in dataclasses.fields(part)}
        change = {key: value} if key in names else {"settings": {**part.settings, key: value}}
        config = dataclasses.replace(config, **{group: dataclasses.replace(part, **change)})
    return config


NO_BUDGET = {"stop__env_steps": None, "stop__wall_s": None}
ENDLESS: list[tuple[str, dict[str, Any], str]] = [
    ("ppo", {"algorithm__num_epochs": 1e12}, "years for the updates of one batch"),
    ("ppo", {"algorithm__num_epochs": 10**9, "algorithm__minibatch_size": 1}, "the updates of one batch"),
    (
        "ppo",
        {"evaluation__evaluation_interval": 1, "evaluation__evaluation_duration": 10**12},
        "116 days for one",
    ),
    ("dqn", {"algorithm__training_intensity": 1e12}, "the updates of one iteration"),
    ("dqn", {"algorithm__n_step": 10**9}, "more env steps than the replay buffer holds"),
    ("dreamer", {"algorithm__training_ratio": 1e14}, "the updates of one iteration"),
    ("offline", {"data__dataset_num_iters_per_learner": 10**12}, "the updates of one iteration"),
    (
        "ppo",
        {**NO_BUDGET, "reporting__min_sample_timesteps_per_iteration": 10**15},
        "years for one iteration",
    ),
    (
        "ppo",
        {**NO_BUDGET, "reporting__min_time_s_per_iteration": 1e9},
        "31.7 years for one iteration",
    ),
]


@pytest.mark.parametrize(("run", "settings", "says"), ENDLESS)
def test_what_would_take_for_ever_is_refused(
    runs: dict[str, RunConfig], run: str, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        check_time(changed(runs[run], **settings))
    error = refused.value
    assert error.key and str(error.fix).startswith(f"{error.key}=")
    group, _, name = error.key.partition(".")
    written = {f"{group}__{name}": float(str(error.fix).partition("=")[2])}
    check_time(changed(runs[run], **{**settings, **written}))


LARGE: list[tuple[dict[str, Any], str]] = [
    ({"algorithm__num_atoms": 10**12}, "would take at least 14.6 TiB of memory (the critic's output layer)"),
    ({"algorithm__n_quantiles": 1e12}, "algorithm.n_quantiles"),
    ({"algorithm__n_critics": 10**12}, "the critics' networks"),
    ({"algorithm__batch_size_B": 16, "algorithm__batch_length_T": 10**12}, "the sequences of one batch"),
    ({"model__use_lstm": True, "model__max_seq_len": 10**12}, "model.max_seq_len"),
]


@pytest.mark.parametrize(("settings", "says"), LARGE)
def test_sizes_of_an_algorithms_own_that_no_machine_has_room_for(
    runs: dict[str, RunConfig], settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        check_memory(changed(runs["dqn"], **settings), inspect_machine())


FINE: list[tuple[str, dict[str, Any]]] = [
    ("ppo", {"stop__env_steps": 10**15}),
    ("ppo", {"stop__iterations": 10**15}),
    ("ppo", {"algorithm__num_epochs": 1000}),
    ("ppo", {"evaluation__evaluation_interval": None, "evaluation__evaluation_duration": 10**12}),
    ("ppo", {"evaluation__evaluation_interval": 1, "evaluation__evaluation_duration": 10**6}),
    ("ppo", {"evaluation__evaluation_interval": 1, "evaluation__evaluation_duration": "auto"}),
    ("ppo", {"stop__env_steps": 10**6, "reporting__min_sample_timesteps_per_iteration": 10**15}),
    ("dqn", {"algorithm__training_intensity": 1000.0}),
    ("dqn", {"algorithm__n_step": 100}),
]


@pytest.mark.parametrize(("run", "settings"), FINE)
def test_what_is_long_and_can_be_meant_is_taken(
    runs: dict[str, RunConfig], run: str, settings: dict[str, Any]
) -> None:
    check_time(changed(runs[run], **settings))
