"""Games and pools in C++ against the same environments one at a time: ale-py's vector form, and EnvPool."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from env_choices import TRUSTED, shipped
from native_envs import stepped

from rlexp.base.errors import ConfigError
from rlexp.environment.make import make_env
from rlexp.environment.native_vector import make_native, native_form

GAMES = [
    {"id": "ALE/Pong-v5"},
    {"id": "ALE/Breakout-v5", "terminal_on_life_loss": True, "scale": False},
    {"id": "ALE/Breakout-v5", "clip_reward": False, "max_frames": 120, "frame_stack": 3, "screen_size": 64},
    {"id": "ALE/Seaquest-v5", "full_action_space": True, "frame_skip": 2},
]


@pytest.mark.parametrize("changes", GAMES, ids=lambda c: c["id"][4:11] + str(len(c)))
def test_atari_s_vector_form_is_the_wrapped_game_value_for_value(changes: dict[str, Any]) -> None:
    choice = shipped("atari")
    choice.config |= changes | {"noop_max": 0}
    vector, single = make_native(choice, TRUSTED, 2), make_env(choice, TRUSTED)
    assert vector.single_observation_space == single.observation_space
    many, one = vector.reset(seed=1)[0], single.reset(seed=1)[0]
    rng, done, ends = np.random.default_rng(0), False, 0
    for _ in range(120):
        np.testing.assert_array_equal(many[0], one)
        action = int(rng.integers(single.action_space.n))
        if done:
            one, reward, terminated, truncated = single.reset()[0], 0.0, False, False
        else:
            one, reward, terminated, truncated, _ = single.step(action)
        many, rewards, ended, cut, _ = vector.step(np.full(2, action))
        assert (rewards[0], ended[0], cut[0]) == (reward, terminated, truncated)
        done = terminated or truncated
        ends += done
    assert ends >= ("Breakout" in changes["id"])
    vector.close()
    single.close()


def test_atari_s_vector_form_is_reproducible_and_refuses_what_it_cannot() -> None:
    choice = shipped("atari")
    choice.config |= {"repeat_action_probability": 0.25}

    def played(threads: int) -> np.ndarray:
        choice.config["num_threads"] = threads
        return np.array([row[0] for row in stepped(replace(choice, id=choice.vector_entry_point), 20)])

    np.testing.assert_array_equal(played(1), played(2))
    choice.config = {"max_frames": 401}
    with pytest.raises(ConfigError, match="env.config.max_frames=400"):
        make_native(choice, TRUSTED, 2)
    choice.config = {"id": "ALE/Ping-v5"}
    with pytest.raises(ConfigError, match="no game 'ALE/Ping-v5'"):
        make_native(choice, TRUSTED, 2)


def test_envpool_in_numbers_is_envpool_alone() -> None:
    pytest.importorskip("envpool")
    choice = shipped("envpool", config={"id": "CartPole-v1"}, max_episode_steps=15)
    rows = np.array([row[0] for row in stepped(choice, 30)])
    np.testing.assert_array_equal(rows, [row[0] for row in stepped(choice, 30)])
    assert native_form(choice, TRUSTED) == "EnvPool"
    alone = make_env(choice, TRUSTED)
    np.testing.assert_array_equal(alone.reset(seed=3)[0], rows[0, 0])  # Its first is seeded as a single one.
    for row in rows[1:8, 0]:
        np.testing.assert_array_equal(alone.step(0)[0], row)
    pixels = make_native(shipped("envpool"), TRUSTED, 2)
    assert pixels.reset(seed=0)[0].shape == (2, 84, 84, 4) and pixels.single_observation_space.shape == (
        84,
        84,
        4,
    )
    pixels.close()
    for config in ({"id": "Pongg-v5"}, {"id": "Pong-v5", "frame_skipp": 4}):
        with pytest.raises(ConfigError, match=r"Pong-v5|frame_skip"):
            make_native(shipped("envpool", config=config), TRUSTED, 2)
