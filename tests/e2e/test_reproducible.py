"""One seed, one run: the same training line for line, and another one with another seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import records, train_tiny

TIMES = ("perf/",)


def curve(overrides: list[str], folder: Path) -> list[dict[str, Any]]:
    """Everything a run logged but how long it took."""
    lines = records(
        train_tiny(["evaluation.evaluation_interval=2", "stop.iterations=3", *overrides], folder).folder
    )
    return [{k: v for k, v in line.items() if not k.startswith(TIMES) and k != "timestamp"} for line in lines]


landing = pytest.mark.landing


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "env"),
    [
        pytest.param("ppo", "cartpole", marks=landing),
        ("dqn", "cartpole"),
        pytest.param("sac", "pendulum", marks=landing),
        ("dreamerv3", "cartpole"),
        ("ppo", "frozenlake"),
    ],
)
def test_one_seed_gives_one_run(algorithm: str, env: str, tmp_path: Path) -> None:
    overrides = [f"algorithm={algorithm}", f"env={env}", "hardware.num_envs_per_env_runner=2"]
    overrides += ["callbacks=episode_stats", "reporting.min_sample_timesteps_per_iteration=120"]
    overrides += ["env.max_episode_steps=50"]
    first = curve([*overrides, "seed=3", "name=first"], tmp_path)
    np.random.random(), np.random.default_rng().random()  # noqa: NPY002 - a process that has drawn numbers before
    again = curve([*overrides, "seed=3", "name=again"], tmp_path)
    other = curve([*overrides, "seed=4", "name=other"], tmp_path)
    returns = [line.get("train/return_mean") for line in first]
    assert len([r for r in returns if r is not None]) >= 2
    assert first == again
    assert returns != [line.get("train/return_mean") for line in other]
    assert [line.get("eval/return_mean") for line in first] != [None] * len(first)
