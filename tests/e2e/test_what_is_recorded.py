"""What runs record: names that settings accept, each episode's return, and evaluations that are not forgotten."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
from harness import records, tiny, train_tiny

import rlexp
from rlexp.base.headline_metrics import METRICS
from rlexp.metrics.result_to_record import flatten

ENVS = {"sac": "pendulum", "tqc": "pendulum"}


def accepted(overrides: list[str], folder: Path) -> None:
    from rlexp.run.building.prepare import all_metrics

    catalogue = all_metrics(tiny(*overrides))
    for row in records(folder):
        for name, value in row.items():
            if isinstance(value, (int, float)):
                catalogue.check(name, "stop.metric")


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_all_that_is_logged_can_be_stopped_by_and_every_episode_is_there(tmp_path: Path) -> None:
    overrides = [
        "tracking=none",
        "callbacks=episode_stats",
        "env=cartpole",
        "evaluation.evaluation_interval=1",
    ]
    folder = train_tiny([*overrides, "evaluation.evaluation_duration=3"], tmp_path).folder
    accepted(overrides, folder)
    rows, episodes = records(folder), lines(folder / "episodes.jsonl")
    everywhere = {m.name for m in METRICS if m.needs <= {"episodes", "evaluation"}}
    assert {*everywhere, "learner/approx_kl"} <= {name for row in rows for name in row}
    assert not {"learner/mean_kl_loss", "learner/curr_kl_coeff"} & set(rows[-1])
    assert [line["env_steps"] for line in episodes] == [row["env_steps"] for row in rows]
    for row, line in zip(rows, episodes, strict=True):
        for kind in ("train", "eval"):
            returns, lengths = line[f"{kind}/returns"], line[f"{kind}/lengths"]
            assert (
                len(returns) == len(lengths) == row[f"{kind}/episodes"] and returns == lengths
            )  # CartPole's rewards.
            assert statistics.fmean(returns) == pytest.approx(row[f"{kind}/return_mean"])
            assert statistics.stdev(returns) == pytest.approx(row[f"{kind}/return_std"])


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["ppo", "dqn", "sac", "tqc", "impala", "appo"])
@pytest.mark.parametrize("fast", ["auto", "never"])
def test_every_algorithm_logs_what_settings_accept(
    algorithm: str, fast: str, tmp_path: Path, ray_session: None
) -> None:
    env = ENVS.get(algorithm, "cartpole")
    overrides = [f"algorithm={algorithm}", f"env={env}", "tracking=none", f"fast={fast}"]
    folder = train_tiny([*overrides, "evaluation.evaluation_interval=1"], tmp_path).folder
    accepted(overrides, folder)
    assert any("train/returns" in line or "eval/returns" in line for line in lines(folder / "episodes.jsonl"))


@pytest.mark.slow
def test_rllibs_own_path_records_whole_episodes_that_fragments_cut(tmp_path: Path) -> None:
    folder = train_tiny(["tracking=none", "env=cartpole", "fast=never", "stop.iterations=4"], tmp_path).folder
    for line in lines(folder / "episodes.jsonl"):
        for kind in ("train", "eval"):
            assert line.get(f"{kind}/returns", []) == line.get(f"{kind}/lengths", [])
    assert "learner/clip_fraction" in records(folder)[-1]


@pytest.mark.slow
def test_evaluations_are_kept_with_their_seed_and_every_return(finished: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    few = "evaluation.evaluation_duration=3"
    first = rlexp.evaluate(folder, [few])
    second = rlexp.evaluate(folder, [few, "evaluation.seed=5"])
    kept = json.loads((folder / "evaluation.json").read_text())
    assert kept["earlier"] == [first] and {k: v for k, v in kept.items() if k != "earlier"} == second
    assert (first["seed"], second["seed"]) == (1_000_007, 5)  # The run's seed is 7.
    assert len(first["returns"]) == len(first["lengths"]) == first["metrics"]["eval/episodes"] == 3
    assert statistics.fmean(first["returns"]) == pytest.approx(first["metrics"]["eval/return_mean"])
    (folder / "evaluation.json").write_text("{")
    rlexp.evaluate(folder, [few])
    assert (folder / "evaluation.json.unreadable").read_text() == "{"


def test_what_a_run_leaves_out_of_its_loss_is_not_logged() -> None:
    learners = {"default_policy": {"mean_kl_loss": 0.0, "entropy": 1.0}}
    result = {"training_iteration": 1, "learners": learners}
    assert "learner/mean_kl_loss" in flatten(result)
    assert set(flatten(result, ("mean_kl_loss",))) == {"env_steps", "iteration", "learner/entropy"}
