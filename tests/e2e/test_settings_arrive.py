"""No setting is lost on the way: each key that a group takes changes the `AlgorithmConfig` that is built."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from harness import choices

import rlexp
from rlexp.config import schema
from rlexp.config.callables.targets import DEFAULT_TRUSTED, locate
from rlexp.config.keys.accepted_keywords import accepted
from rlexp.config.schema import RunConfig
from rlexp.run.building import algorithm_config as building

PPO = "ray.rllib.algorithms.ppo.PPOConfig"
SPACES = (gym.spaces.Box(-1, 1, (4,), np.float32), gym.spaces.Discrete(2))
GROUPS = {
    "algorithm": schema.AlgorithmChoice,
    "hardware": schema.HardwareChoice,
    "evaluation": schema.EvaluationChoice,
    "data": schema.DataChoice,
    "reporting": schema.ReportingChoice,
    "env": schema.EnvChoice,
}
FITTING: dict[str, Any] = {
    "evaluation_duration_unit": "timesteps",
    "evaluation_duration": 3,
    "replay_buffer_config": {"type": "EpisodeReplayBuffer", "capacity": 77},
    "batch_mode": "complete_episodes",
    "rollout_fragment_length": 7,
    "gym_env_vectorize_mode": "async",
    "placement_strategy": "SPREAD",
    "num_cpus_per_learner": 3,
    "grad_clip_by": "value",
    "epsilon": [[0, 1.0], [7, 0.5]],
    "input_read_method": "read_json",
    "model_size": "XL",
}
"""Values for keys that take words, or more than one type."""


def other(name: str, current: Any) -> Any:
    """A value that differs from `current`, of the same type where it has one."""
    if name in FITTING:
        return FITTING[name]
    if isinstance(current, bool):
        return not current
    if isinstance(current, (int, float)):
        return current + 1
    return {"some": "thing"} if isinstance(current, dict) else 3


def differences(one: Any, two: Any) -> set[str]:
    """Names of the attributes in which two configs differ."""
    mine, theirs = vars(one), vars(two)
    return {key for key in mine.keys() | theirs.keys() if repr(mine.get(key)) != repr(theirs.get(key))}


def config_class(algorithm: str) -> str:
    data = ["data=recorded", "data.input_=recordings"] if algorithm in ("bc", "marwil", "cql", "iql") else []
    return rlexp.compose([f"algorithm={algorithm}", *data]).algorithm.config_class


@pytest.mark.parametrize("algorithm", choices("algorithm"))
def test_every_keyword_of_every_algorithm_reaches_rllib(algorithm: str) -> None:
    path = config_class(algorithm)
    lost, run = [], rlexp.compose([])
    for name in accepted(schema.AlgorithmChoice, path).keywords:
        before, after = locate(path, DEFAULT_TRUSTED)(), locate(path, DEFAULT_TRUSTED)()
        value = other(name, getattr(before, name, None))
        choice = schema.AlgorithmChoice(path, {name: value})
        building.apply(after, choice, replace(run, algorithm=choice))
        if not differences(before, after):
            lost.append(name)
    assert not lost


@pytest.fixture(scope="module")
def plain() -> RunConfig:
    return rlexp.compose(["hardware=local", "callbacks=none", "tracking=none"])


def built(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The built config; whether the values make sense together is not asked here."""
    monkeypatch.setattr(building, "_validate", lambda algorithm: None)
    return building.build(config, SPACES)


def keys() -> list[tuple[str, str]]:
    return [(group, name) for group, kind in GROUPS.items() for name in accepted(kind, PPO).keywords]


@pytest.mark.parametrize(("group", "name"), keys(), ids=lambda part: part)
def test_every_setting_survives_the_build(
    group: str, name: str, plain: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = getattr(plain, group)
    before = built(plain, monkeypatch)
    value = other(name, choice.settings.get(name, getattr(before, name, None)))
    changed = replace(plain, **{group: replace(choice, settings={**choice.settings, name: value})})
    after = built(changed, monkeypatch)
    assert differences(before, after) - {"_callbacks"}, f"{group}.{name}={value!r} changes nothing"


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        ("seed", 8, lambda c: c.seed == 8 and c.evaluation_config["seed"] == 8),
        ("log_level", "DEBUG", lambda c: c.log_level == "DEBUG"),
        ("env.max_episode_steps", 9, lambda c: c.env_config["max_episode_steps"] == 9),
        ("env.max_consecutive_failures", 2, lambda c: c.env_config["max_consecutive_failures"] == 2),
        ("env.check_finite", False, lambda c: c.env_config["check_finite"] is False),
        (
            "env.observation_filter",
            "MeanStdFilter",
            lambda c: (
                c._env_to_module_connector is not None
                and c._env_to_module_connector.keywords["learns"] is True
                and c.evaluation_config["_env_to_module_connector"].keywords["learns"] is False
            ),
        ),
        (
            "env.config",
            {"sutton_barto_reward": True},
            lambda c: c.env_config["config"] == {"sutton_barto_reward": True},
        ),
        ("evaluation.explore", True, lambda c: c.evaluation_config["explore"] is True),
        ("evaluation.seed", 1_000_007, lambda c: c.evaluation_config["seed"] == 7),
        ("evaluation.num_envs", 3, lambda c: c.evaluation_config["num_envs_per_env_runner"] == 3),
        (
            "evaluation.env_config",
            {"a": 1},
            lambda c: c.evaluation_config["env_config"]["config"] == {"a": 1},
        ),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_own_settings_reach_rllib(
    field: str, value: Any, where: Any, plain: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    group, _, name = field.rpartition(".")
    change = {name: value} if not group else {group: replace(getattr(plain, group), **{name: value})}
    assert not where(built(plain, monkeypatch))
    assert where(built(replace(plain, **change), monkeypatch))


def test_null_is_a_value_of_its_own() -> None:
    config = rlexp.compose(
        ["algorithm.grad_clip=null", "hardware=local", "hardware.num_cpus_per_env_runner=null"]
    )
    algorithm = locate(PPO, DEFAULT_TRUSTED)()
    algorithm.grad_clip = 40.0
    building.apply(algorithm, config.algorithm, config)
    building.apply(algorithm, config.hardware, config)
    assert algorithm.grad_clip is None and algorithm.num_cpus_per_env_runner == 1
