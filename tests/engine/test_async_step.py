"""FastIMPALA and FastAPPO as whole algorithms: in turn in this process without Ray's, and with remote runners."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
import torch
from ray.rllib.algorithms.appo import APPOConfig
from ray.rllib.algorithms.impala import IMPALAConfig
from ray.rllib.callbacks.callbacks import RLlibCallback
from ray.rllib.core import DEFAULT_MODULE_ID

from rlexp.compat import rllib_without_ray
from rlexp.engine.algorithms.async_step import FastAPPO, FastIMPALA
from rlexp.engine.fast_path_refusals import why_not
from rlexp.engine.learning.appo import FastAPPOTorchLearner
from rlexp.engine.learning.impala import FastIMPALATorchLearner
from rlexp.engine.runners.fast_runner import FastEnvRunner

PARTS = {IMPALAConfig: (FastIMPALATorchLearner, FastIMPALA), APPOConfig: (FastAPPOTorchLearner, FastAPPO)}
BATCH = 2 * 2 * 10  # two samples of two environments' ten steps


def settings(config_class: type[Any], fast: bool = True, runners: int = 0, **training: Any) -> Any:
    config = (
        config_class()
        .environment("CartPole-v1")
        .env_runners(num_env_runners=runners, num_envs_per_env_runner=2, rollout_fragment_length=10)
        .learners(num_learners=0)
        .training(**{"train_batch_size_per_learner": BATCH, "lr": 0.01, **training})
        .rl_module(model_config={"fcnet_hiddens": [16]})
        .reporting(min_sample_timesteps_per_iteration=10 * BATCH, min_time_s_per_iteration=None)
        .callbacks(callbacks_class=[RLlibCallback])
        .debugging(seed=3)
    )
    if fast:
        learner, config.algo_class = PARTS[config_class]
        config.env_runners(env_runner_cls=FastEnvRunner).training(learner_class=learner)
    return config


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Builds algorithms that end with the test."""
    rllib_without_ray.install()
    algorithms: list[Any] = []

    def build(config: Any) -> Any:
        torch.manual_seed(0)
        with rllib_without_ray.results_in(str(tmp_path)):
            algorithms.append(config.build_algo())
        return algorithms[-1]

    yield build
    for algorithm in algorithms:
        algorithm.stop()


def learned(algorithm: Any) -> dict[str, np.ndarray]:
    """The learner's weights."""
    return {name: np.array(value) for name, value in algorithm.get_weights()[DEFAULT_MODULE_ID].items()}


def first_moments(algorithm: Any) -> torch.Tensor:
    """Adam's mean gradient of the first parameter."""
    saved = algorithm.learner_group._learner.get_state()["optimizer"]["default_policy_default_optimizer"]
    return torch.as_tensor(saved["state"]["state"][0]["exp_avg"])


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("config_class", PARTS)
def test_in_turn(built: Callable[..., Any], config_class: type[Any]) -> None:
    """A seed gives one result, every sample is trained on as often as the config says, and Ray is not started."""
    ran_before = ray.is_initialized()
    algorithms = [built(settings(config_class)) for _ in range(2)]
    results = [algorithm.train() for algorithm in algorithms]
    assert same(*(learned(algorithm) for algorithm in algorithms))
    sampled = results[0]["env_runners"]["num_env_steps_sampled"]
    assert 10 * BATCH <= sampled < 11 * BATCH
    iterations = 2 if config_class is APPOConfig else 1
    assert results[0]["learners"]["__all_modules__"]["num_env_steps_trained_lifetime"] == iterations * sampled
    lag = results[0]["learners"][DEFAULT_MODULE_ID]["diff_num_grad_updates_vs_sampler_policy"]
    assert lag == iterations  # as fresh as can be
    acting = algorithms[0].env_runner.module.state_dict()
    learning = algorithms[0].learner_group._learner.module[DEFAULT_MODULE_ID].state_dict()
    assert all(tensor.data_ptr() == learning[name].data_ptr() for name, tensor in acting.items())
    assert ray.is_initialized() == ran_before


def test_weights_are_sent_at_intervals(built: Callable[..., Any]) -> None:
    algorithm = built(settings(IMPALAConfig, broadcast_interval=3))
    before = {name: tensor.clone() for name, tensor in algorithm.env_runner.module.state_dict().items()}
    changed = []
    for _ in range(6):  # one update for every second sample
        algorithm.training_step()
        after = algorithm.env_runner.module.state_dict()
        changed.append(any(not torch.equal(tensor, after[name]) for name, tensor in before.items()))
    assert changed == [False] * 5 + [True]
    acting, learning = algorithm.env_runner.module.get_state(), learned(algorithm)
    assert same({name: np.array(value) for name, value in acting.items()}, learning)


def test_checkpoints_go_to_stock_and_back(built: Callable[..., Any], tmp_path: Path) -> None:
    ours, stock, again = (built(settings(APPOConfig, fast=fast)) for fast in (True, False, True))
    ours.train()
    stock.restore_from_path(ours.save_to_path(str(tmp_path / "ours")))
    assert same(learned(ours), learned(stock))
    again.restore_from_path(stock.save_to_path(str(tmp_path / "stock")))
    moments = [first_moments(algorithm) for algorithm in (ours, again)]
    torch.testing.assert_close(*moments, rtol=0, atol=0)
    assert moments[0].any()
    trained = learned(again)
    again.train()
    assert not same(trained, learned(again))


@pytest.mark.parametrize("config_class", PARTS)
def test_what_only_rllibs_path_knows(config_class: type[Any]) -> None:
    import gymnasium as gym

    with gym.make("CartPole-v1") as env:
        spaces = env.observation_space, env.action_space
    assert why_not(settings(config_class, fast=False), spaces) is None
    aggregated = settings(config_class, fast=False).learners(num_aggregator_actors_per_learner=1)
    assert "aggregator" in str(why_not(aggregated, spaces))
    assert "num_learners" in str(why_not(settings(config_class, fast=False).learners(num_learners=1), spaces))


@pytest.mark.slow
@pytest.mark.parametrize("config_class", PARTS)
def test_remote_runners(built: Callable[..., Any], config_class: type[Any], ray_session: None) -> None:
    """They sample on their own, and act with newer and newer weights."""
    algorithm = built(settings(config_class, runners=2))
    algorithm.train()
    result = algorithm.train()
    assert result["env_runners"]["num_env_steps_sampled_lifetime"] >= 20 * BATCH
    assert result["learners"]["__all_modules__"]["num_env_steps_trained_lifetime"] >= 10 * BATCH
    seen = algorithm.env_runner_group.foreach_env_runner(
        lambda runner: runner._weights_seq_no, local_env_runner=False
    )
    assert min(seen) > 1
    algorithm.stop()
