"""Every algorithm that is shipped learns on an environment that fits it; one that is added is tested too."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import choices, records, tiny, train_tiny

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import ALGORITHMS

OFFLINE_CHOICES = [
    name
    for name in choices("algorithm")
    if name in {row.choice for row in ALGORITHMS.values() if row.offline}
]
ONLINE_CHOICES = [name for name in choices("algorithm") if name not in OFFLINE_CHOICES]
CONTINUOUS = ("sac", "tqc")
LONG = ("dreamerv3",)
LANDING = (pytest.mark.slow, pytest.mark.landing)
LEAST = "reporting.min_sample_timesteps_per_iteration"


def env_of(algorithm: str) -> str:
    return "pendulum" if algorithm in CONTINUOUS else "cartpole"


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Weights before the first iteration and after the last one."""
    from rlexp.run.trainable import RunTrainable

    seen: dict[str, Any] = {}
    setup, cleanup = RunTrainable.setup, RunTrainable.cleanup

    def weights(trainable: RunTrainable) -> Any:
        return trainable.algorithm.learner_group.get_weights()["default_policy"]

    def watched_setup(self: RunTrainable, config: dict[str, Any]) -> None:
        setup(self, config)
        seen["before"] = {k: np.array(v) for k, v in weights(self).items()}

    def watched_cleanup(self: RunTrainable) -> None:
        seen["after"] = weights(self)
        cleanup(self)

    monkeypatch.setattr(RunTrainable, "setup", watched_setup)
    monkeypatch.setattr(RunTrainable, "cleanup", watched_cleanup)
    return seen


@pytest.mark.parametrize("algorithm", [pytest.param(n, marks=LANDING * (n in LONG)) for n in ONLINE_CHOICES])
def test_online_algorithm_trains(
    algorithm: str, tmp_path: Path, watched: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    overrides = [f"algorithm={algorithm}", f"env={env_of(algorithm)}"]
    if not ALGORITHMS[tiny(*overrides).algorithm.config_class.rpartition(".")[2]].without_ray:
        request.getfixturevalue("ray_session")
    outcome = train_tiny(overrides, tmp_path)
    assert outcome.status == "done"
    check_folder(outcome.folder)
    changed = [name for name, value in watched["after"].items() if np.any(value != watched["before"][name])]
    assert len(changed) > len(watched["after"]) / 3, f"only {changed} changed"


def check_folder(folder: Path) -> None:
    """Two iterations, learner metrics among them, all finite; a checkpoint; a summary that agrees."""
    lines = records(folder)
    assert [line["iteration"] for line in lines] == [1, 2]
    assert 0 < lines[0]["env_steps"] < lines[1]["env_steps"] < 5000
    assert any(key.startswith("learner/") for key in lines[-1])
    bad = {k: v for line in lines for k, v in line.items() if isinstance(v, float) and not math.isfinite(v)}
    assert not bad
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["status"] == "done" and summary["env_steps"] == lines[-1]["env_steps"]
    assert math.isfinite(summary["eval_return_mean"])
    assert (folder / summary["checkpoint"]).is_dir()


@pytest.mark.parametrize("algorithm", OFFLINE_CHOICES)
def test_offline_algorithm_asks_for_data(algorithm: str) -> None:
    with pytest.raises(ConfigError, match="learns from recorded data, and there is none") as error:
        tiny(f"algorithm={algorithm}", "env=pendulum")
    assert error.value.key == "data.input_" and "data=recorded" in str(error.value.fix)


def test_an_offline_iteration_that_would_never_end_is_refused() -> None:
    from rlexp.run.building.prepare import prepare

    config = tiny("algorithm=bc", "data=recorded", "data.input_=recordings", f"{LEAST}=100")
    with pytest.raises(ConfigError, match="no iteration would ever end") as error:
        prepare(config)
    assert error.value.key == LEAST


def test_cql_with_one_update_an_iteration_is_refused() -> None:
    from rlexp.run.building.prepare import prepare

    one = "data.dataset_num_iters_per_learner=1"
    config = tiny("algorithm=cql", "env=pendulum", "data=recorded", "data.input_=recordings", one)
    with pytest.raises(ConfigError, match="single update") as error:
        prepare(config)
    assert error.value.fix == "data.dataset_num_iters_per_learner=100"


def record_episodes(folder: Path, env_id: str, episodes: int) -> None:
    """Steps of a random policy as Parquet, a row each, under RLlib's column names."""
    import gymnasium as gym
    import pyarrow
    from pyarrow import parquet

    rows: list[dict[str, Any]] = []
    env = gym.make(env_id)
    env.action_space.seed(0)
    for episode in range(episodes):
        observation, _ = env.reset(seed=episode)
        ended = cut = False
        while not (ended or cut):
            action = env.action_space.sample()
            after, reward, ended, cut, _ = env.step(action)
            told = {"eps_id": str(episode), "obs": observation.tolist(), "new_obs": after.tolist()}
            told |= {"actions": np.asarray(action).tolist(), "rewards": float(reward)}
            rows.append(told | {"terminateds": ended, "truncateds": cut})
            observation = after
    folder.mkdir()
    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "steps.parquet")


@pytest.mark.parametrize(
    "algorithm",
    [pytest.param(n, marks=LANDING if n == "bc" else pytest.mark.slow) for n in OFFLINE_CHOICES],
)
def test_offline_algorithm_trains_on_recorded_data(
    algorithm: str, tmp_path: Path, watched: dict[str, Any], ray_session: None
) -> None:
    discrete = algorithm in ("bc", "marwil")
    env, env_id = ("cartpole", "CartPole-v1") if discrete else ("pendulum", "Pendulum-v1")
    record_episodes(tmp_path / "recordings", env_id, 20 if discrete else 2)
    overrides = [
        f"algorithm={algorithm}",
        f"env={env}",
        "data=recorded",
        f"data.input_={tmp_path / 'recordings'}",
    ]
    outcome = train_tiny(overrides, tmp_path)
    lines = records(outcome.folder)
    assert len(lines) == 2 and 0 < lines[0]["env_steps"] < lines[1]["env_steps"]
    assert any(key.startswith("learner/") for key in lines[-1]) and math.isfinite(
        lines[-1]["eval/return_mean"]
    )
    assert any(np.any(value != watched["before"][name]) for name, value in watched["after"].items())
