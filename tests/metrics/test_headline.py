"""Results of real algorithms become about twenty flat, plain metrics."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

from rlexp.engine.callbacks.corrected_metrics import Bookkeeping
from rlexp.metrics.result_to_record import flatten, flatten_evaluation, plain


def ppo(env: str = "CartPole-v1") -> Any:
    from ray.rllib.algorithms.ppo import PPOConfig

    config = PPOConfig().environment(env)
    config.training(train_batch_size_per_learner=200, num_epochs=1, minibatch_size=100)
    config.rl_module(model_config={"fcnet_hiddens": [8]})
    config.env_runners(num_env_runners=0, num_envs_per_env_runner=2)
    config.callbacks(callbacks_class=Bookkeeping)
    return config.evaluation(evaluation_interval=3, evaluation_duration=3, evaluation_num_env_runners=0)


@pytest.fixture(scope="module")
def ppo_results(local_rllib: None) -> Any:
    algorithm = ppo().build_algo()
    results = [copy.deepcopy({**algorithm.train(), "config": None}) for _ in range(7)]
    evaluation = algorithm.evaluate()
    algorithm.stop()
    return results, evaluation


def test_a_plain_ppo_run_logs_about_twenty_metrics_and_no_custom_ones(ppo_results: Any) -> None:
    records = [flatten(result) for result in ppo_results[0]]
    expected = {
        *("env_steps", "iteration", "train/return_mean", "train/return_min", "train/return_max"),
        *("train/return_std", "train/episode_len_mean", "train/episodes"),
        *("learner/total_loss", "learner/policy_loss"),
        *("learner/vf_loss", "learner/entropy", "learner/mean_kl_loss", "learner/vf_explained_var"),
        *(
            "learner/lr",
            "learner/curr_kl_coeff",
            "learner/curr_entropy_coeff",
            "perf/sync_s",
        ),
        *("perf/sample_s", "perf/learn_s", "perf/runner_restarts"),
        *("perf/env_failures", "perf/env_irregularities"),
    }
    assert set(records[0]) == expected
    assert [record["iteration"] for record in records] == [1, 2, 3, 4, 5, 6, 7]
    sampled = [result["env_runners"]["num_env_steps_sampled"] for result in ppo_results[0]]
    assert [record["env_steps"] for record in records] == list(np.cumsum(sampled))
    assert all(type(value) in (int, float) for record in records for value in record.values())
    assert records[0]["learner/lr"] == pytest.approx(5e-5)
    assert records[0]["train/return_min"] <= records[0]["train/return_mean"] <= records[0]["train/return_max"]


def test_evaluation_metrics_come_only_where_an_evaluation_ran(ppo_results: Any) -> None:
    results, _ = ppo_results
    repeated = [index for index, result in enumerate(results) if "evaluation" in result]
    assert repeated == [2, 3, 4, 5, 6], "RLlib no longer repeats old results: the check can go"
    ran = [index for index, result in enumerate(results) if "eval/return_mean" in flatten(result)]
    assert ran == [2, 5]
    record = flatten(results[2])
    assert {name for name in record if name.startswith("eval/")} == {
        *("eval/return_mean", "eval/return_min", "eval/return_max", "eval/return_std"),
        *("eval/episode_len_mean", "eval/episodes"),
    }
    assert record["eval/episodes"] >= 3
    assert 0 < record["perf/eval_s"] < results[2]["time_this_iter_s"]


def test_evaluate_alone_gives_the_same_names(ppo_results: Any) -> None:
    results, evaluation = ppo_results
    names = {n for n in flatten(results[2]) if n.startswith("eval/")} | {"perf/eval_s"}
    assert set(flatten_evaluation(evaluation)) == names


def test_times_are_seconds_of_this_iteration(ppo_results: Any) -> None:
    for result in ppo_results[0]:
        record = flatten(result)
        parts = record["perf/sample_s"] + record["perf/learn_s"] + record.get("perf/eval_s", 0.0)
        assert 0.5 * result["time_this_iter_s"] < parts < result["time_this_iter_s"]


def test_without_the_bookkeeping_times_are_absent_not_wrong(ppo_results: Any) -> None:
    result = copy.deepcopy(ppo_results[0][0])
    del result["timers"]["per_iteration"]
    assert not {"perf/sample_s", "perf/learn_s"} & set(flatten(result))


def test_no_finished_episode_means_no_return(ppo_results: Any) -> None:
    result = copy.deepcopy(ppo_results[0][0])
    runners = result["env_runners"]
    runners["num_episodes"] = 0
    runners["episode_return_mean"] = np.float64("nan")
    record = flatten(result)
    assert record["train/episodes"] == 0
    assert "train/return_mean" not in record


def test_a_computed_nan_stays_and_an_idle_learner_is_absent(ppo_results: Any) -> None:
    result = copy.deepcopy(ppo_results[0][0])
    result["learners"]["default_policy"]["total_loss"] = np.float64("nan")
    assert math.isnan(flatten(result)["learner/total_loss"])
    result["learners"]["default_policy"]["num_module_steps_trained"] = np.float64("nan")
    assert not [name for name in flatten(result) if name.startswith("learner/")]


def test_other_modules_keep_their_name(ppo_results: Any) -> None:
    result = copy.deepcopy(ppo_results[0][0])
    result["learners"]["red"] = result["learners"].pop("default_policy")
    record = flatten(result)
    assert "learner/red/entropy" in record
    assert "learner/entropy" not in record


def test_dqn_before_and_after_learning_starts(local_rllib: None) -> None:
    from ray.rllib.algorithms.dqn import DQNConfig

    config = DQNConfig().environment("CartPole-v1")
    config.training(num_steps_sampled_before_learning_starts=40, train_batch_size_per_learner=8)
    config.rl_module(model_config={"fcnet_hiddens": [8], "head_fcnet_hiddens": [8]})
    config.env_runners(num_env_runners=0).callbacks(callbacks_class=Bookkeeping)
    config.reporting(min_time_s_per_iteration=0, min_sample_timesteps_per_iteration=32)
    algorithm = config.build_algo()
    results = [algorithm.train() for _ in range(2)]
    (early, late), seconds = map(flatten, results), results[1]["time_this_iter_s"]
    algorithm.stop()
    assert not [name for name in early if name.startswith("learner/")]
    learner = {name for name in late if name.startswith("learner/")}
    assert {"learner/total_loss", "learner/qf_mean", "learner/td_error_mean", "learner/lr"} <= learner
    assert not [name for name in {**early, **late} if "custom" in name or "num_" in name]
    assert late["env_steps"] == 2 * early["env_steps"]
    # 32 small steps in an iteration: the seconds are sums over them, a single call takes a hundredth.
    assert 0.05 * seconds < late["perf/sample_s"] + late["perf/learn_s"] < seconds


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_an_evaluation_without_healthy_runners_is_not_reported_again() -> None:
    import ray

    config = ppo().evaluation(evaluation_interval=1, evaluation_num_env_runners=1)
    config.fault_tolerance(restart_failed_env_runners=False, ignore_env_runner_failures=True)
    algorithm = config.build_algo()
    assert "eval/return_mean" in flatten(algorithm.train())
    for actor in algorithm.eval_env_runner_group._worker_manager.actors().values():
        ray.kill(actor)
    records = [flatten(algorithm.train()) for _ in range(2)]
    algorithm.stop()
    assert not [name for record in records for name in record if name.startswith("eval/")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, 1), (np.int64(3), 3), (np.float32(0.5), 0.5), (np.array([2.0]), 2.0), ("x", None), ([1.0], None)],
)
def test_plain_numbers(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)
