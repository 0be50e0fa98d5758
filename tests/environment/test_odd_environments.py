"""Environments that misbehave in ordinary ways: harmless ones train and are told once, the others are named with the
step and a way out."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import odd_envs
import pytest
from odd_envs import REFUSED, TRAINS, WARNS

from rlexp.base.errors import ConfigError
from rlexp.config.schema import EnvChoice
from rlexp.environment.guards.vector_infos import MergedInfos, info_of
from rlexp.environment.info_keys import NOTICES
from rlexp.environment.make import make_env
from rlexp.environment.probe import probe

TRUSTED = ["odd_envs"]


def odd(kind: str, **fields: Any) -> EnvChoice:
    return EnvChoice(id="odd_envs.Odd", config={"kind": kind}, **fields)


@pytest.mark.parametrize("kind", TRAINS)
def test_what_is_ordinary_or_harmless_is_taken_without_a_word(kind: str) -> None:
    assert probe(odd(kind), TRUSTED).notices == ()


@pytest.mark.parametrize("kind", WARNS)
def test_what_is_odd_is_taken_and_told_once(kind: str) -> None:
    notices = probe(odd(kind), TRUSTED).notices
    assert len(notices) == 1 and WARNS[kind][1] in notices[0] and "odd_envs.Odd" in notices[0]


@pytest.mark.parametrize("kind", [kind for kind, (does, _) in WARNS.items() if "raises" not in does])
def test_strict_refuses_what_is_odd(kind: str) -> None:
    with pytest.raises(ConfigError, match="odd_envs.Odd") as caught:
        probe(odd(kind, check="strict"), TRUSTED)
    assert "env.check=warn" in str(caught.value) or "not between" in str(caught.value)


@pytest.mark.parametrize("kind", [kind for kind, (does, _) in WARNS.items() if "raises" not in does])
def test_off_looks_for_nothing_odd(kind: str) -> None:
    assert probe(odd(kind, check="off"), TRUSTED).notices == ()


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_meant_is_refused_with_step_and_fix(kind: str) -> None:
    with pytest.raises(ConfigError) as caught:
        probe(odd(kind), TRUSTED)
    message = str(caught.value)
    assert "the environment odd_envs.Odd(" in message and "  write: " in message
    for part in REFUSED[kind][1]:
        assert part in message


@pytest.mark.parametrize("check", ["warn", "off"])
def test_far_outside_of_the_bounds_is_refused_unless_bounds_are_not_looked_at(check: str) -> None:
    odd_envs.WARNS["far"] = ({"observation": np.full(3, 7.0, np.float32)}, "")
    try:
        if check == "off":
            assert probe(odd("far", check=check), TRUSTED).notices == ()
            return
        with pytest.raises(ConfigError, match=r"obs\[0\] is 7.0, not between -1.0 and 1.0") as caught:
            probe(odd("far", check=check), TRUSTED)
        assert "env.check=off" in str(caught.value)
    finally:
        del odd_envs.WARNS["far"]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("NoSpaces", ["has no observation_space", "self.observation_space = "]),
        ("OldReset", ["a single ndarray from reset, not 2 (observation, info)", "shimmy"]),
        (
            "ExitsWhenMade",
            ["cannot be made: SystemExit: no such level", "write: other values under env.config"],
        ),
        (
            "OldResetExitsWhenClosed",
            [
                "unexpected keyword argument 'seed'",
                "write: 'env.wrappers=[{_target_: envs.wrappers.OldGym}]'",
            ],
        ),
        (
            "TwoRewards",
            ["as reward at its step 1", "write: 'env.wrappers=[{_target_: envs.wrappers.WeightedReward"],
        ),
        ("NeedsLevel", ["missing 1 required positional argument", "write: env.config.level=<value>"]),
        (
            "NeedsFile",
            ["FileNotFoundError: level.txt", "write: other values under env.config (it takes path"],
        ),
        ("NeedsPackage", ["write: install the package that has the module no_such_package_at_all"]),
    ],
)
def test_what_can_never_be_stepped_says_why(name: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        probe(EnvChoice(id=f"odd_envs.{name}"), TRUSTED)
    for part in (*parts, f"odd_envs.{name}"):
        assert part in str(caught.value)


def test_the_line_that_a_reward_of_two_is_refused_with_leads_on() -> None:
    with pytest.raises(ConfigError) as caught:
        probe(EnvChoice(id="odd_envs.TwoRewards"), TRUSTED)
    wrapper = {"_target_": "envs.wrappers.WeightedReward", "weights": [1, 1]}
    assert f"{{_target_: {wrapper['_target_']}, weights: {wrapper['weights']}}}" in str(caught.value)
    env = make_env(EnvChoice(id="odd_envs.TwoRewards", wrappers=[wrapper]), [*TRUSTED, "envs"])
    env.reset()
    assert env.step(0)[1] == 3.0


@pytest.mark.parametrize("name", ["OldReset", "OldResetExitsWhenClosed", "OldStep"])
def test_the_line_that_an_old_environment_is_refused_with_leads_on(name: str) -> None:
    wrapper = {"_target_": "envs.wrappers.OldGym"}
    assert probe(EnvChoice(id=f"odd_envs.{name}", wrappers=[wrapper]), [*TRUSTED, "envs"]).notices == ()


def test_one_that_ends_the_program_when_it_is_closed_trains() -> None:
    assert probe(EnvChoice(id="odd_envs.ExitsWhenClosed"), TRUSTED).notices == ()


def test_settings_of_the_process_are_put_back() -> None:
    import torch

    before = torch.get_default_dtype(), np.geterr(), list(warnings.filters)
    probe(EnvChoice(id="odd_envs.Meddling"), TRUSTED)
    assert before == (torch.get_default_dtype(), np.geterr(), list(warnings.filters))


def test_evaluation_without_a_time_limit_is_truncated_and_told() -> None:
    env = make_env(EnvChoice(id="odd_envs.Endless"), TRUSTED, bound="auto")
    env.reset()
    for _ in range(9_999):
        assert env.step(0)[2:4] == (False, False)
    *_, terminated, truncated, info = env.step(0)
    assert (terminated, truncated) == (False, True)
    assert "truncated after 10,000 steps" in info[NOTICES].texts[0]


@pytest.mark.parametrize(("bound", "ends"), [("auto", 500), (7, 7), (None, 500), (900, 500)])
def test_a_time_limit_of_its_own_is_kept(bound: Any, ends: int) -> None:
    env = make_env(EnvChoice(id="Pendulum-v1", max_episode_steps=500), TRUSTED, bound=bound)
    env.reset()
    truncated = [env.step(env.action_space.sample())[3] for _ in range(ends)]
    assert truncated.index(True) == ends - 1


def test_infos_of_several_environments_keep_their_values() -> None:
    infos: dict[str, Any] = {}
    merge = MergedInfos(3)
    told = [
        {"n": 1, "large": 1, "list": np.zeros(2), "mixed": {"a": 1}, "some": True},
        {"n": 0.7, "large": 2**70, "list": np.zeros(3), "mixed": 3},
        {"n": np.float32(2.5), "large": -1, "list": np.ones(2), "mixed": None, 5: "five"},
    ]
    for row, info in enumerate(told):
        infos = merge(infos, info, row)
    for row, info in enumerate(told):
        seen = info_of(infos, row)
        assert seen.keys() == {str(key) for key in info}
        for key, value in info.items():
            assert (
                np.array_equal(seen[str(key)], value)
                if isinstance(value, np.ndarray)
                else seen[str(key)] == value
            )
