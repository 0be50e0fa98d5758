"""The table of config keys: a row is all that a key's range, names, rule and automatic value need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from changing import changed, refusal

from rlexp.cli.completion.override_words import _known_values
from rlexp.cli.help import _type_of
from rlexp.config.convert import to_run_config
from rlexp.config.keys import key_table
from rlexp.config.keys.key_row import Key, Range
from rlexp.config.keys.key_table import KEYS, known_of

ROWS = (
    Key("stop.plateau.metric", names=("eval/return_mean", "train/return_mean")),
    Key(
        "evaluation.explore",
        automatic=lambda value, value_of: value_of("seed") == 7 if value == "auto" else value,
    ),
    Key("env.vector_*", example="envs.mine:make"),
    Key("env.config", Range(high=3), own_code=True),
)


@pytest.fixture
def more_rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(key_table, "KEYS", (*(row for row in KEYS if row.name != "env.config"), *ROWS))
    monkeypatch.setattr(key_table, "_PATTERNS", [*key_table._PATTERNS, ROWS[2]])
    known_of.cache_clear()
    yield
    known_of.cache_clear()


def test_a_row_is_read_by_the_reader_the_help_and_the_completion(
    more_rows: None, plain: dict[str, Any]
) -> None:
    key = "stop.plateau.metric"
    assert "must be one of eval/return_mean, train/return_mean" in str(refusal(plain, key, "x"))
    assert _type_of(key) == "eval/return_mean, train/return_mean"
    assert _known_values(key, [], []) == ["eval/return_mean", "train/return_mean"]


def test_what_a_word_stands_for_is_read_off_the_other_keys(more_rows: None, plain: dict[str, Any]) -> None:
    automatic = changed(plain, "evaluation.explore", "auto")
    assert to_run_config(changed(automatic, "seed", 7), {}).evaluation.explore is True
    assert to_run_config(changed(automatic, "seed", 8), {}).evaluation.explore is False


def test_a_key_has_each_column_of_its_own_row_or_of_the_first_pattern(more_rows: None) -> None:
    assert known_of("env.vector_entry_point").written == "env.vector_entry_point=envs.mine:make"
    assert known_of("env.vector_entry_point").range is None
    assert known_of("algorithm.lr") == next(row for row in KEYS if row.name == "algorithm.lr")
    assert known_of("hardware.num_cpus_per_env_runner").range == known_of("hardware.num_cpus_x").range


def test_no_key_has_two_rows() -> None:
    names = [row.name for row in KEYS]
    assert len(names) == len(set(names))


def test_a_value_that_is_missing_inside_others_is_asked_for(plain: dict[str, Any]) -> None:
    error = refusal(plain, "env.config", {"levels": [{"size": "???"}]})
    assert [each.key for each in error.errors] == ["env.config.levels[0].size"]
