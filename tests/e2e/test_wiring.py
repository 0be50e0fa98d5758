"""What a config names arrives where it belongs: in every process, in every record, at the right time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import records, tiny, train_tiny

from rlexp.base.errors import ConfigError
from rlexp.base.events import Record
from rlexp.engine.run_callback import RunCallback

WIRED = [
    "env=gym",
    "env.id=wired.Told",
    "env.config={size: 2}",
    "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,wired]",
    "reporting.min_sample_timesteps_per_iteration=0",
    "algorithm.train_batch_size_per_learner=60",
    "algorithm.minibatch_size=30",
]


def runners(count: int, request: pytest.FixtureRequest) -> list[str]:
    """Overrides for so many remote runners; two need Ray, and the two that a small machine has not."""
    if count == 0:
        return [*WIRED, "hardware.num_envs_per_env_runner=2"]
    request.getfixturevalue("ray_session")
    request.getfixturevalue("enough_cores")
    return [
        *WIRED,
        "hardware=laptop",
        f"hardware.num_env_runners={count}",
        "hardware.num_envs_per_env_runner=1",
    ]


@pytest.fixture
def enough_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runners on whatever machine this is: the Ray session of the tests has room for them."""
    from rlexp.hardware import demand

    monkeypatch.setattr(demand, "_check", lambda *args, **kwargs: None)


@pytest.mark.parametrize("count", [0, pytest.param(2, marks=[pytest.mark.slow, pytest.mark.landing])])
def test_callbacks_and_metrics_reach_every_process(
    count: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    overrides = [
        *runners(count, request),
        "+callbacks.teller={_target_: wired.Teller, number: 7}",
        "+metrics.size={info: size}",
        "+metrics.actions={info: action, reduce: max}",
        "+metrics.doubled={_target_: wired.first_action, times: 2}",
        "evaluation.env_config={size: 5}",
        "checkpoint.best_by=custom/number_mean",
        "stop.metric={custom/size_mean: '>=3'}",
    ]
    outcome = train_tiny(overrides, tmp_path)
    first, last = records(outcome.folder)
    for record in (first, last):
        assert [record[f"custom/size_{s}"] for s in ("mean", "min", "max")] == [2, 2, 2]
        assert [record[f"custom/number_{s}"] for s in ("mean", "min", "max")] == [7, 7, 7]
        assert 0 <= record["custom/actions_mean"] <= record["custom/actions_max"] <= 2
        assert 0 <= record["custom/doubled_min"] < record["custom/doubled_max"] == 4
        workers = (record["custom/worker_min"], record["custom/worker_max"])
        assert workers == ((1, 2) if count else (0, 0))
    assert last["eval/custom/size_mean"] == 5 and last["eval/custom/number_max"] == 7
    assert "eval/return_mean" not in first and last["eval/return_mean"] == 15
    assert last["train/return_mean"] == 6 and last["train/episode_len_mean"] == 3


@pytest.mark.parametrize("count", [0, pytest.param(2, marks=[pytest.mark.slow, pytest.mark.landing])])
def test_evaluation_has_a_time_an_environment_and_a_seed_of_its_own(
    count: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    overrides = [
        *runners(count, request),
        "+metrics.seed={info: seed}",
        "+metrics.action={info: action, reduce: mean}",
    ]
    overrides += ["seed=11", "stop.iterations=4", "evaluation.evaluation_interval=2"]
    overrides += [
        f"evaluation.evaluation_num_env_runners={1 if count else 0}",
        "evaluation.evaluation_duration=4",
    ]
    lines = records(train_tiny(overrides, tmp_path).folder)
    assert ["eval/return_mean" in line for line in lines] == [False, True, False, True]
    assert [line["eval/episodes"] for line in lines if "eval/episodes" in line] == [4, 4]
    # RLlib gives runner i the run's seed + i, and each of its environments the next one.
    assert (lines[0]["custom/seed_min"], lines[0]["custom/seed_max"]) == ((12, 13) if count else (11, 12))
    first = 1_000_011 + (1 if count else 0)
    assert lines[1]["eval/custom/seed_min"] == lines[1]["eval/custom/seed_max"] == first


def test_evaluation_seed_and_environments_can_be_set(tmp_path: Path) -> None:
    overrides = [*WIRED, "+metrics.seed={info: seed}", "evaluation.seed=5", "evaluation.num_envs=2"]
    lines = records(train_tiny([*overrides, "evaluation.evaluation_duration=20"], tmp_path).folder)
    assert (lines[-1]["eval/custom/seed_min"], lines[-1]["eval/custom/seed_max"]) == (5, 6)


@pytest.mark.parametrize("explore", [False, True])
def test_evaluation_explores_only_when_asked(explore: bool, tmp_path: Path) -> None:
    """One state at each step, so a policy without exploration takes the same first action in all episodes."""
    overrides = [*WIRED, "+metrics.first={_target_: wired.first_action}", f"evaluation.explore={explore}"]
    last = records(train_tiny([*overrides, "evaluation.evaluation_duration=30"], tmp_path).folder)[-1]
    assert last["custom/first_min"] < last["custom/first_max"]
    assert (last["eval/custom/first_min"] < last["eval/custom/first_max"]) is explore


def test_exploration_off_is_off_in_training(tmp_path: Path) -> None:
    overrides = [*WIRED, "+metrics.first={_target_: wired.first_action}", "exploration=off"]
    first = records(train_tiny(overrides, tmp_path).folder)[0]
    assert first["custom/first_min"] == first["custom/first_max"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "reason", "iterations"),
    [
        pytest.param("stop.env_steps=150", "150 env steps", 3, marks=pytest.mark.landing),
        ("stop.iterations=2", "2 iterations", 2),
        ("stop.wall_s=0.001", "0.001 s", 1),
        ("stop.metric={train/return_mean: 6}", "train/return_mean >= 6", 1),
        ("stop.metric={learner/lr: '<=1'}", "learner/lr <= 1", 1),
        pytest.param(
            "stop.plateau={metric: train/return_mean, patience: 3}",
            "has not improved for 3 reports",
            4,
            marks=pytest.mark.landing,
        ),
    ],
)
def test_each_stop_rule_ends_the_run_with_its_reason(
    rule: str, reason: str, iterations: int, tmp_path: Path
) -> None:
    others = [] if "iterations" in rule else ["stop.iterations=9"]
    outcome = train_tiny([*WIRED, "evaluation=none", *others, rule], tmp_path)
    summary = json.loads((outcome.folder / "summary.json").read_text())
    assert (summary["status"], summary["iterations"]) == ("done", iterations)
    assert reason in summary["reason"]


def test_best_and_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    """The best is the one with the least entropy, so the mode counts too."""
    overrides = ["checkpoint.every=1", "checkpoint.keep=2", "checkpoint.best_by=learner/entropy"]
    outcome = train_tiny([*WIRED, *overrides, "checkpoint.mode=max", "stop.iterations=5"], tmp_path)
    folder = outcome.folder / "checkpoints"
    lines = records(outcome.folder)
    best = max(lines, key=lambda line: line["learner/entropy"])
    newest = [line["env_steps"] for line in lines[-2:]]
    steps = {int(path.name.removeprefix("step_")) for path in folder.glob("step_*")}
    assert steps == {best["env_steps"], *newest}
    assert (folder / "latest").resolve().name == f"step_{newest[-1]}"
    assert (folder / "best").resolve().name == f"step_{best['env_steps']}"


class _Weights(RunCallback):
    """Keeps the weights that a run begins and ends with."""

    seen: dict[str, Any] = {}

    def on_algorithm_init(self, *, algorithm: Any, **kwargs: Any) -> None:
        self.algorithm = algorithm

    def on_run_start(self, run: Any) -> None:
        self.seen["start"] = self._now()

    def on_record(self, record: Record) -> None:
        self.seen["end"] = self._now()

    def _now(self) -> Any:
        weights = self.algorithm.learner_group.get_weights()["default_policy"]
        return {key: value.tolist() for key, value in weights.items()}


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    monkeypatch.setattr(_Weights, "seen", {})
    yield _Weights.seen


@pytest.mark.slow
@pytest.mark.landing
def test_a_warm_start_takes_over_the_weights_alone(tmp_path: Path, weights: dict[str, Any]) -> None:
    watch = ["+callbacks.weights={_target_: test_wiring._Weights}"]
    trusted = ["trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,wired,test_wiring]"]
    overrides = [*WIRED, *watch, *trusted]
    source = train_tiny([*overrides, "name=source"], tmp_path)
    ended, seen = weights["end"], weights["start"]
    assert ended != seen
    for path in (source.folder, source.folder / source.summary["checkpoint"]):
        warm = train_tiny(
            [*overrides, "seed=9", f"name=warm_{path.name}", f"checkpoint.from={path}"], tmp_path
        )
        assert weights["start"] == ended
        assert [line["iteration"] for line in records(warm.folder)] == [1, 2]
    cold = train_tiny([*overrides, "seed=9", "name=cold"], tmp_path)
    assert weights["start"] != ended and cold.status == "done"


def test_a_metric_that_no_one_logs_is_told_beforehand() -> None:
    with pytest.raises(ConfigError, match="return_mean"):
        tiny("stop.metric={eval/return_maen: 3}")
