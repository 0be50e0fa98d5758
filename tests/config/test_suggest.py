"""Nearest names: typing errors, names from elsewhere, and nothing where nothing is near."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlexp.base.suggest import ALIASES, nearest, one_edit_apart
from rlexp.config.algorithms.builder_signatures import known_config_classes
from rlexp.config.known_keys import valid_keys

NAMES = [
    "algorithm.lr",
    "algorithm.gamma",
    "algorithm.num_epochs",
    "hardware.num_env_runners",
    "stop.env_steps",
    "seed",
]


@pytest.mark.parametrize(
    ("word", "first"),
    [
        ("algoritm.lr", "algorithm.lr"),
        ("algorithm.rl", "algorithm.lr"),
        ("lr", "algorithm.lr"),
        ("ALGORITHM.GAMMA", "algorithm.gamma"),
        ("sede", "seed"),
        ("num_env_runner", "hardware.num_env_runners"),
        ("hardware.gamma", "algorithm.gamma"),
        ("n_epochs", "algorithm.num_epochs"),
        ("learning-rate", "algorithm.lr"),
    ],
)
def test_finds(word: str, first: str) -> None:
    assert nearest(word, NAMES)[0] == first


def test_bare_candidates() -> None:
    assert nearest("learning_rate", ["gamma", "lr"]) == ["lr"]
    assert nearest("cartpol", ["pendulum", "cartpole", "atari"])[0] == "cartpole"


def test_nothing_near() -> None:
    assert nearest("xyzzy", NAMES) == []
    assert nearest("anything", []) == []


def test_never_more_than_asked_and_no_doubles() -> None:
    assert len(nearest("num", [f"num_{i}" for i in range(20)], n=2)) == 2
    assert nearest("seeds", ["seed", "seed"]) == ["seed"]


def test_every_alias_leads_to_a_key_that_exists() -> None:
    keys = {key for path in known_config_classes() for key in valid_keys(path)}
    missing = {
        alias: target for alias, targets in ALIASES.items() for target in targets if target not in keys
    }
    assert missing == {}


@given(st.text("abc", min_size=2, max_size=5), st.text("abc", min_size=2, max_size=5))
def test_one_edit_is_symmetric_and_right(a: str, b: str) -> None:
    assert one_edit_apart(a, b) == one_edit_apart(b, a)
    assert one_edit_apart(a, b) == (a != b and b in _edits(a))


def _edits(word: str) -> set[str]:
    splits = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    return (
        {a + b[1:] for a, b in splits if b}
        | {a + c + b for a, b in splits for c in "abc"}
        | {a + c + b[1:] for a, b in splits if b for c in "abc"}
        | {a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1}
    )
