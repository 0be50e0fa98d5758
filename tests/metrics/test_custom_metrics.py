"""Custom metrics arrive exactly, with zero and with several runners, in training and in evaluation."""

from __future__ import annotations

import pickle
from functools import partial
from statistics import mean
from typing import Any

import metric_samples
import pytest

from rlexp.base.errors import ConfigError, RunFailedError
from rlexp.config.callables.targets import build as build_target
from rlexp.engine.callbacks.corrected_metrics import Bookkeeping
from rlexp.engine.callbacks.episode_metrics import metrics_callback
from rlexp.metrics.custom import check_spec
from rlexp.metrics.result_to_record import flatten

pytestmark = pytest.mark.usefixtures("ray_for_runners")

SPECS: dict[str, Any] = {
    "success": {"info": "success"},
    "cost": {"info": "cost", "reduce": "sum"},
    "height": {"info": "height", "reduce": "mean"},
    "top": {"info": "height", "reduce": "max"},
    "steps": {"_target_": "metric_samples.last_time"},
    "half": {"_target_": "metric_samples.scaled", "by": 0.5},
}


def config_of(specs: dict[str, Any], runners: int) -> Any:
    from ray.rllib.algorithms.ppo import PPOConfig

    config = PPOConfig().environment(metric_samples.Known)
    # Fragments of 8 cut every episode, whose lengths are 9 and more.
    config.env_runners(num_env_runners=runners, num_envs_per_env_runner=2, rollout_fragment_length=8)
    config.training(train_batch_size_per_learner=160, num_epochs=1, minibatch_size=160)
    config.rl_module(model_config={"fcnet_hiddens": [8]})
    config.callbacks(
        callbacks_class=[
            Bookkeeping,
            metrics_callback(specs, metric_samples.build_here),
            metric_samples.Lengths,
        ]
    )
    return config.evaluation(
        evaluation_interval=2,
        evaluation_duration=6,
        evaluation_num_env_runners=runners,
        evaluation_config={"num_envs_per_env_runner": 1},
    )


@pytest.mark.parametrize("runners", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_statistics_are_exact(runners: int) -> None:
    algorithm = config_of(SPECS, runners).build_algo()
    results = [algorithm.train() for _ in range(4)]
    algorithm.stop()
    for result in results:
        check_exact(flatten(result), result["env_runners"]["lengths"], "")
    for result in (results[1], results[3]):
        check_exact(flatten(result), result["evaluation"]["env_runners"]["lengths"], "eval/")
    for result in (results[0], results[2]):
        assert not [name for name in flatten(result) if name.startswith("eval/")]
    assert flatten(results[1])["custom/plain"] == pytest.approx(5.0)
    assert flatten(results[1])["eval/custom/plain"] == pytest.approx(5.0)
    assert flatten(results[1])["curriculum/level"] == 3
    # Only what was logged: nothing of RLlib's counts as a custom metric.
    names = {*SPECS, "length", "plain"} - {"success"}
    custom = {n.removeprefix("eval/").removeprefix("custom/") for n in flatten(results[3]) if "custom/" in n}
    assert {n.rpartition("_")[0] or n for n in custom} == names


def check_exact(record: dict[str, Any], lengths: list[int], prefix: str) -> None:
    assert len(lengths) > 2
    kind = "eval" if prefix else "train"
    assert record[f"{kind}/episodes"] == len(lengths)
    assert record[f"{kind}/episode_len_mean"] == pytest.approx(mean(lengths))
    per_episode = {
        "length": lengths,
        "steps": lengths,
        "cost": lengths,  # 1 a step; the 1000 of reset does not count
        "top": lengths,
        "half": [n / 2 for n in lengths],
        "height": [(n + 1) / 2 for n in lengths],
    }
    success = [n % 2 == 0 for n in lengths]
    for name, values in per_episode.items():
        assert record[f"{prefix}custom/{name}_mean"] == pytest.approx(mean(values)), name
        assert record[f"{prefix}custom/{name}_min"] == min(values), name
        assert record[f"{prefix}custom/{name}_max"] == max(values), name
    assert record[f"{kind}/success_rate"] == pytest.approx(mean(success))
    assert not [name for name in record if "custom/success" in name], "it has one name"


@pytest.mark.parametrize("runners", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_missing_info_key_ends_the_run_with_the_keys_that_are_there(runners: int) -> None:
    algorithm = config_of({"win": {"info": "sucess"}}, runners).build_algo()
    with pytest.raises(RunFailedError) as caught:
        for _ in range(4):
            algorithm.train()
    algorithm.stop()
    message = str(caught.value)
    assert "metrics.win" in message
    assert "'sucess'" in message
    assert "did you mean: success" in message
    assert "cost, height, success" in message


def test_a_metric_function_that_fails_ends_the_run() -> None:
    algorithm = config_of({"bad": {"_target_": "metric_samples.broken"}}, 0).build_algo()
    with pytest.raises(
        RunFailedError, match="metrics.bad could not be computed: ZeroDivisionError: no such figure"
    ):
        algorithm.train()
    algorithm.stop()


def test_the_factory_travels_to_remote_runners() -> None:
    build = partial(build_target, trusted=["metric_samples"])
    made = pickle.loads(pickle.dumps(metrics_callback(SPECS, build)))()
    assert made.specs == SPECS
    assert made.build({"_target_": "metric_samples.scaled", "by": 2.0}, episode=[1, 2, 3]) == 6.0


@pytest.mark.parametrize(
    ("name", "spec", "parts"),
    [
        ("a", {"info": "x", "reduce": "avg"}, ["metrics.a.reduce", "last, sum, mean, max"]),
        ("a", {"info": "x", "reduce": "means"}, ["did you mean: mean"]),
        ("a", {"info": "x", "reduces": "mean"}, ["metrics.a.reduces", "did you mean: reduce"]),
        ("a", {"info": "x", "_target_": "m.f"}, ["metrics.a", "both"]),
        ("a", {"reduce": "last"}, ["metrics.a", "neither", "info: success"]),
        ("a", "success", ["metrics.a", "must be a mapping"]),
        ("a", {"info": 3}, ["metrics.a.info"]),
        ("a", {"_target_": "function"}, ["metrics.a._target_", "import path"]),
        ("a/b", {"info": "x"}, ["metrics.a/b", "cannot be a metric's name"]),
        ("a--b", {"info": "x"}, ["cannot be a metric's name"]),
    ],
)
def test_bad_specs_are_refused(name: str, spec: Any, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        check_spec(name, spec)
    for part in parts:
        assert part in str(caught.value)
    assert caught.value.key is not None
    assert caught.value.key.startswith("metrics.")


@pytest.mark.parametrize("name", list(SPECS))
def test_good_specs_pass(name: str) -> None:
    check_spec(name, SPECS[name])
