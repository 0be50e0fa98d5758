"""A mistyped key, or one by another project's name, is refused and the right one suggested (fault 36)."""

from __future__ import annotations

import random
import string
from typing import Any

import pytest
from changing import refusal
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rlexp.config.known_keys import valid_keys

KEYS = valid_keys("ray.rllib.algorithms.ppo.PPOConfig")


def one_edit(word: str, kind: int, place: int, letter: str) -> str:
    """Insert, delete, replace a letter, or swap two."""
    place %= len(word)
    if kind == 0:
        return word[:place] + letter + word[place:]
    if kind == 1:
        return word[:place] + word[place + 1 :]
    if kind == 2:
        return word[:place] + letter + word[place + 1 :]
    return word[:place] + word[place : place + 2][::-1] + word[place + 2 :]


def mistyped(key: str, kind: int, place: int, letter: str) -> str:
    group, dot, last = key.rpartition(".")
    return f"{group}{dot}{one_edit(last, kind, place, letter)}"


LETTERS = string.ascii_lowercase + "_"


@settings(max_examples=70, deadline=None)
@given(st.sampled_from(KEYS), st.integers(0, 3), st.integers(0, 60), st.sampled_from(LETTERS))
def test_a_mistyped_key_is_refused(
    plain: dict[str, Any], key: str, kind: int, place: int, letter: str
) -> None:
    typo = mistyped(key, kind, place, letter)
    assume(typo not in KEYS and not typo.endswith(".") and typo)
    refused = refusal(plain, typo, 1)
    assert any(error.key == typo for error in refused.errors)
    assert f"unknown key {typo}" in str(refused)


def test_the_right_key_is_suggested(plain: dict[str, Any]) -> None:
    draw, hits, tried = random.Random(0), 0, 0
    while tried < 250:
        key = draw.choice(KEYS)
        typo = mistyped(key, draw.randrange(4), draw.randrange(60), draw.choice(LETTERS))
        if typo in KEYS or typo.endswith(".") or not typo:
            continue
        tried += 1
        error = next(e for e in refusal(plain, typo, 1).errors if e.key == typo)
        hits += key in error.suggestions
    assert hits / tried >= 0.9, hits


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("algorithm.learning_rate", "algorithm.lr"),
        ("learning_rate", "algorithm.lr"),
        ("lr", "algorithm.lr"),
        ("algorithm.clip_range", "algorithm.clip_param"),
        ("algorithm.ent_coef", "algorithm.entropy_coeff"),
        ("algorithm.vf_coef", "algorithm.vf_loss_coeff"),
        ("algorithm.discount", "algorithm.gamma"),
        ("algorithm.batch_size", "algorithm.minibatch_size"),
        ("algorithm.epochs", "algorithm.num_epochs"),
        ("algorithm.sgd_minibatch_size", "algorithm.minibatch_size"),
        ("algorithm.num_workers", "hardware.num_env_runners"),
        ("num_workers", "hardware.num_env_runners"),
        ("hardware.num_envs_per_worker", "hardware.num_envs_per_env_runner"),
        ("hardware.rollout_fragment_length", "algorithm.rollout_fragment_length"),
        ("model.hidden_sizes", "model.fcnet_hiddens"),
        ("model.net_arch", "model.fcnet_hiddens"),
        ("timesteps", "stop.env_steps"),
        ("total_timesteps", "stop.env_steps"),
        ("stop.timesteps_total", "stop.env_steps"),
        ("env.horizon", "env.max_episode_steps"),
        ("checkpoint.from_", "checkpoint.from"),
        ("checkpoint.checkpoint_freq", "checkpoint.every"),
        ("algorithm.LR", "algorithm.lr"),
        ("algorithm.num-epochs", "algorithm.num_epochs"),
    ],
)
def test_names_from_elsewhere_lead_to_ours(plain: dict[str, Any], key: str, right: str) -> None:
    assert refusal(plain, key, 1).suggestions[0] == right
