"""Numbers out of range and names out of a list are refused; what is in range passes."""

from __future__ import annotations

import math
from typing import Any

import pytest

from rlexp import compose
from rlexp.base.errors import ConfigError
from rlexp.config.algorithms.builder_signatures import keywords, known_config_classes, model_fields
from rlexp.config.keys.key_row import Range
from rlexp.config.keys.key_table import KEYS, known_of


def problems(key: str, value: Any) -> list[ConfigError]:
    problem = known_of(key).problem(value)
    return [] if problem is None else [problem]


@pytest.mark.parametrize(
    ("key", "bad", "good"),
    [
        ("algorithm.gamma", [-0.1, 1.01, math.nan, None], [0, 1, 0.99]),
        ("algorithm.lr", [-1e-3, None, [[0, 1e-3], [10, -1e-3]]], [0, 1e-3, [[0, 1e-3], [10, 0]]]),
        ("algorithm.critic_lr", [-1], [0.1, None]),
        ("algorithm.lambda_", [1.5], [0.95]),
        ("algorithm.clip_param", [0, -1], [0.2]),
        ("algorithm.num_epochs", [0, None], [1]),
        ("algorithm.minibatch_size", [0], [1, None]),
        ("algorithm.epsilon", [[[0, 1.0], [10, 1.5]]], [[[0, 1.0], [10, 0.02]]]),
        ("algorithm.rollout_fragment_length", [0, "automatic"], [1, "auto"]),
        ("algorithm.replay_buffer_config.capacity", [0], [1]),
        ("algorithm.expectile", [0, 1], [0.8]),
        ("model.fcnet_hiddens", [[64, 0]], [[64], []]),
        ("model.head_fcnet_hiddens", [[-1]], [[64, 64]]),
        ("model.head_fcnet_activation", ["rellu"], ["relu", "ReLU", None]),
        ("hardware.num_env_runners", [-1], [0, 4, None]),
        ("hardware.num_gpus_per_learner", [-0.5], [0, 0.25, 2]),
        ("hardware.custom_resources_per_learner.tpu", [-1], [0.5]),
        ("hardware.gym_env_vectorize_mode", ["asink"], ["async", "sync"]),
        ("hardware.placement_strategy", ["pack"], ["PACK"]),
        ("evaluation.evaluation_interval", [0], [1, None]),
        ("evaluation.evaluation_duration", [0, "forever"], [10, "auto"]),
        ("evaluation.evaluation_duration_unit", ["steps"], ["episodes", "timesteps"]),
        ("stop.env_steps", [0, -5], [1, None]),
        ("stop.wall_s", [0], [0.5, None]),
        ("stop.plateau.mode", ["maximum"], ["max"]),
        ("checkpoint.keep", [0], [1]),
        ("checkpoint.mode", ["best"], ["min"]),
        ("seed", [-1, 2**32], [0, 2**32 - 1]),
        ("log_level", ["LOUD"], ["INFO"]),
    ],
)
def test_bounds(key: str, bad: list[Any], good: list[Any]) -> None:
    for value in bad:
        found = problems(key, value)
        assert [error.key for error in found] == [key], value
        assert key in str(found[0]) and found[0].fix is not None
        written = found[0].fix.strip("'").partition("=")[2]
        assert written == "auto" or problems(key, _parsed(written)) == [], "what it says to write is right"
    for value in good:
        assert problems(key, value) == [], value


def _parsed(text: str) -> Any:
    import yaml

    return yaml.safe_load(text)


def test_words() -> None:
    assert str(Range(0, 1)) == "at least 0 and at most 1"
    assert str(Range(0, above=True)) == "above 0"
    assert str(Range(high=3, below=True)) == "below 3"


def test_every_algorithm_entry_is_a_real_keyword() -> None:
    """No entry outlives the RLlib keyword it is about."""
    from fnmatch import fnmatchcase

    real = {
        name
        for path in known_config_classes()
        for m in ("training", "env_runners")
        for name in keywords(path, m)
    }
    for entry in KEYS:
        group, _, rest = entry.name.partition(".")
        pool = {"algorithm": real, "model": {*model_fields(), "observation"}}.get(group)
        if pool is not None and (entry.range is not None or entry.names):
            assert any(fnmatchcase(name, rest.partition(".")[0]) for name in pool), entry


@pytest.mark.parametrize(
    ("metric", "mode"), [("perf/iteration_s", "min"), ("eval/return_mean", "max"), ("auto", "max")]
)
def test_the_best_checkpoint_is_judged_by_its_metrics_direction(metric: str, mode: str) -> None:
    assert compose([f"checkpoint.best_by={metric}"]).checkpoint.mode == mode
    assert compose([f"checkpoint.best_by={metric}", "checkpoint.mode=min"]).checkpoint.mode == "min"


def test_no_progress_is_judged_by_the_metrics_direction() -> None:
    plateau = compose(["stop.plateau={metric: perf/sample_s, patience: 3}"]).stop.plateau
    assert plateau is not None and plateau.mode == "min"
