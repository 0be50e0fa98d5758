"""Unusual spaces: what RLlib mishandles is shown to it as a space that holds the same; and they train for real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from harness import records, tiny, train_tiny
from odd_envs import ACTIONS, SPACES

from rlexp.base.errors import ConfigError
from rlexp.config.schema import EnvChoice
from rlexp.environment.make import make_env
from rlexp.environment.native_vector import check_native
from rlexp.environment.plain_spaces import plain_actions, plain_observations

LET = "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,odd_envs]"


def words(name: str, *more: str) -> list[str]:
    return ["env=gym", f"env.id=odd_envs.{name}", LET, *more]


def trains(tmp_path: Path, *overrides: str) -> list[dict[str, Any]]:
    """The records of a run to its end, or none where it was refused with a fix before it began."""
    try:
        lines = records(train_tiny(overrides, tmp_path).folder)
    except ConfigError as refusal:
        assert "  write: " in str(refusal)
        return []
    assert lines[-1]["train/episodes"] > 0 and lines[-1].get("perf/env_failures", 0) == 0
    assert lines[-1].get("perf/env_irregularities", 0) == 0
    return lines


@pytest.mark.parametrize("name", [*ACTIONS, "nested"])
def test_every_action_of_the_space_that_is_shown_is_one_of_the_environments(name: str) -> None:
    space = ACTIONS.get(name) or spaces.Dict(
        {key: ACTIONS[key] for key in ("multi start", "plane", "double")}
    )
    plain = plain_actions(space)
    if plain is None:
        assert name in ("multi", "double", "unbounded", "whole numbers")
        return
    for _ in range(20):
        shown, own = plain.space.sample(), space.sample()
        assert space.contains(plain.from_plain(shown)) and plain.space.contains(plain.to_plain(own))
        assert spaces.utils.flatten(space, plain.from_plain(plain.to_plain(own))) == pytest.approx(
            spaces.utils.flatten(space, own)
        )


@pytest.mark.parametrize("name", ["start", "half", "multi", "multi_plane"])
def test_observations_are_shown_from_0_in_one_dimension_and_in_a_precision_that_networks_take(
    name: str,
) -> None:
    plain = plain_observations(SPACES[name])
    assert plain is not None and plain_observations(plain.space) is None
    seen = [SPACES[name].sample() for _ in range(20)]
    assert all(plain.space.contains(plain.to_plain(each)) for each in seen)
    assert all(np.array_equal(plain.from_plain(plain.to_plain(each)), each) for each in seen)


def test_usual_spaces_are_left_alone() -> None:
    usual = ("discrete", "nested", "double", "pixels", "scalar", "plane", "bits")
    assert [name for name in SPACES if plain_observations(SPACES[name]) is None] == list(usual)


def test_an_environment_is_handed_its_own_actions_and_hands_out_what_is_shown() -> None:
    env = make_env(EnvChoice(id="odd_envs.OddActions", config={"space": "multi start"}), ["odd_envs"])
    assert env.action_space == spaces.MultiDiscrete([3, 4])
    env.reset()
    assert all("env_failure" not in env.step(env.action_space.sample())[4] for _ in range(20))
    env = make_env(EnvChoice(id="odd_envs.Odd", config={"kind": "start plain"}), ["odd_envs"])
    seen = {int(env.reset()[0]) for _ in range(60)} | {int(env.step(0)[0]) for _ in range(5)}
    assert seen == set(range(5)) and env.observation_space == spaces.Discrete(5)


def test_several_agents_are_shown_such_spaces_too() -> None:
    env: Any = make_env(EnvChoice(id="odd_meetings.FromOne"), ["odd_meetings"])
    assert env.observation_spaces["left"] == spaces.Discrete(11) and env.action_spaces[
        "left"
    ] == spaces.Discrete(2)
    assert env.reset()[0] == {"left": 4, "right": 4}
    assert env.step({"left": 1, "right": 0})[0] == {"left": 3, "right": 3}


def test_a_vector_form_with_such_spaces_is_refused() -> None:
    choice = EnvChoice(id="odd_envs.StartsAtOne")
    with pytest.raises(ConfigError, match="single environments only"):
        check_native(choice, ["odd_envs"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", [name for name in SPACES if name not in ("nested", "plane", "scalar")])
def test_unusual_observations_train(kind: str, tmp_path: Path) -> None:
    assert trains(tmp_path, *words("Odd", f"env.config={{kind: {kind} plain}}"))


@pytest.mark.slow
@pytest.mark.parametrize("space", ACTIONS)
def test_unusual_actions_train_or_are_refused_with_a_fix(space: str, tmp_path: Path) -> None:
    lines = trains(tmp_path, *words("OddActions", f"env.config={{space: {space}}}"))
    assert bool(lines) is (space != "whole numbers")


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        ["+env.config.within=alone"],
        ["+env.config.within=dict", "env.wrappers=[{_target_: gymnasium.wrappers.FlattenObservation}]"],
    ],
)
def test_what_sees_nothing_trains_alone_and_in_a_dict_that_is_flattened(
    more: list[str], tmp_path: Path
) -> None:
    assert trains(tmp_path, *words("EmptyBox", *more))


def test_an_empty_box_in_a_dict_is_refused_with_the_line_that_flattens_it() -> None:
    from rlexp.run.building.prepare import prepare

    with pytest.raises(
        ConfigError, match=r"the observation is a Dict \(empty, x\)(.|\n)*write: .*FlattenObservation"
    ):
        prepare(tiny(*words("EmptyBox", "+env.config.within=dict")))


def test_nothing_is_shown_as_a_single_0() -> None:
    env = make_env(EnvChoice(id="odd_envs.EmptyBox"), ["odd_envs"])
    assert env.reset()[0].tolist() == env.step(1)[0].tolist() == [0.0]
