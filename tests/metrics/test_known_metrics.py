"""A metric name that nothing logs is told before the run, or at the first report that lacks it."""

from __future__ import annotations

from typing import Any

import pytest

from rlexp.base.errors import ConfigError, RunFailedError
from rlexp.base.headline_metrics import METRICS
from rlexp.config import schema
from rlexp.metrics.known_metrics import known_metrics, require


def config(algorithm: str = "ppo.PPO", interval: int | None = 5, metrics: Any = None) -> schema.RunConfig:
    return schema.RunConfig(
        algorithm=schema.AlgorithmChoice(config_class=f"ray.rllib.algorithms.{algorithm}Config"),
        model=schema.ModelChoice(),
        env=schema.EnvChoice(id="CartPole-v1"),
        hardware=schema.HardwareChoice(),
        exploration={},
        evaluation=schema.EvaluationChoice(settings={"evaluation_interval": interval}),
        callbacks={},
        tracking={},
        metrics=metrics or {},
        data=schema.DataChoice(),
        reporting=schema.ReportingChoice(),
        stop=schema.Stop(),
        checkpoint=schema.CheckpointChoice(),
    )


@pytest.mark.parametrize(
    "name",
    [
        *("train/return_mean", "eval/return_max", "learner/entropy", "perf/sps", "env_steps", "perf/eval_s"),
        *("custom/speed_mean", "eval/custom/speed_min", "train/success_rate", "eval/success_rate"),
        *("custom/pace_max", "learner/red/entropy", "curriculum/level"),
    ],
)
def test_names_that_will_be_logged_pass(name: str) -> None:
    metrics = {"success": {"info": "success"}, "speed": {"info": "speed"}}
    known = known_metrics(config(metrics=metrics), ["pace", "curriculum/level"])
    known.check(name, "checkpoint.best_by")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("train/return_meen", "train/return_mean"),
        ("train/reward_mean", "train/return_mean"),
        ("return_mean", "train/return_mean"),
        ("eval/returns_mean", "eval/return_mean"),
        ("learner/entropi", "learner/entropy"),
        ("custom/sped_mean", "custom/speed_mean"),
        ("custom/speed", "custom/speed_mean"),
        ("custom/success_mean", "train/success_rate"),
        ("eval/custom/success_mean", "eval/success_rate"),
        ("custom/return_mean", "train/return_mean"),
        ("perf/fps", "perf/sps"),
    ],
)
def test_wrong_names_are_refused_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(ConfigError) as caught:
        metrics = {"success": {"info": "success"}, "speed": {"info": "speed"}}
        known_metrics(config(metrics=metrics)).check(name, "stop.plateau.metric")
    assert caught.value.key == "stop.plateau.metric"
    assert nearest in caught.value.suggestions, caught.value.suggestions
    assert name in str(caught.value)


def test_every_name_of_the_table_is_accepted_and_what_a_setting_leaves_out_is_not() -> None:
    known = known_metrics(config())
    for name in (*(m.name for m in METRICS if m.needs <= {"evaluation"}), "learner/approx_kl"):
        known.check(name, "stop.metric")
    without = config()
    without.algorithm.settings["use_kl_loss"] = False
    with pytest.raises(ConfigError):
        known_metrics(without).check("learner/mean_kl_loss", "stop.metric")
    known_metrics(config()).check("learner/mean_kl_loss", "stop.metric")


def test_evaluation_that_is_off_is_said() -> None:
    with pytest.raises(ConfigError, match="evaluation is off") as caught:
        known_metrics(config(interval=None)).check("eval/return_mean", "checkpoint.best_by")
    assert caught.value.suggestions == ["train/return_mean"]
    assert caught.value.fix == "evaluation=default"


def test_an_algorithm_of_ones_own_may_log_any_learner_metric() -> None:
    known_metrics(config("mine.Mine")).check("learner/anything", "stop.metric")
    with pytest.raises(ConfigError):
        known_metrics(config("mine.Mine")).check("learner/", "stop.metric")
    with pytest.raises(ConfigError):
        known_metrics(config()).check("learner/anything", "stop.metric")


def test_an_undeclared_custom_metric_says_how_to_declare_it() -> None:
    with pytest.raises(ConfigError, match=r"METRICS = \('zzzyx',\)"):
        known_metrics(config()).check("custom/zzzyx_mean", "checkpoint.best_by")


def test_a_missing_metric_is_an_error_at_the_first_report() -> None:
    record: Any = {"env_steps": 1, "iteration": 1, "train/return_mean": 2.0, "custom/pace_mean": 1.0}
    require(record, "train/return_mean", "checkpoint.best_by")
    with pytest.raises(RunFailedError) as caught:
        require(record, "custom/pase_mean", "checkpoint.best_by")
    assert str(caught.value).startswith("checkpoint.best_by: the metric custom/pase_mean")
    assert "did you mean: custom/pace_mean" in str(caught.value)
