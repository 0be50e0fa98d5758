"""FastDQN and FastSAC as whole algorithms, sampling and learning in this process without Ray's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ray.rllib.algorithms.dqn import DQN, DQNConfig
from ray.rllib.algorithms.sac import SACConfig

from rlexp.compat import rllib_without_ray
from rlexp.engine.algorithms.off_policy_step import FastDQN, FastSAC
from rlexp.engine.learning.dqn import FastDQNTorchLearner
from rlexp.engine.learning.sac import FastSACTorchLearner
from rlexp.engine.replay.prioritized import PrioritizedColumnarReplay
from rlexp.engine.runners.fast_runner import FastEnvRunner

SMALL = {"fcnet_hiddens": [16], "fcnet_activation": "relu", "head_fcnet_hiddens": [], "fusionnet_hiddens": []}


def dqn(fast: bool = True, **reporting):
    config = (
        DQNConfig()
        .environment("CartPole-v1")
        .env_runners(num_env_runners=0, num_envs_per_env_runner=2)
        .training(
            train_batch_size_per_learner=16,
            num_steps_sampled_before_learning_starts=40,
            target_network_update_freq=50,
            num_atoms=1,
            replay_buffer_config={"type": "PrioritizedEpisodeReplayBuffer", "capacity": 100, "beta": 0.4},
        )
        .rl_module(model_config=SMALL)
        .debugging(seed=3)
        .reporting(
            **({"min_sample_timesteps_per_iteration": 60, "min_time_s_per_iteration": None} | reporting)
        )
    )
    if fast:
        config.env_runners(env_runner_cls=FastEnvRunner).training(learner_class=FastDQNTorchLearner)
        config.algo_class = FastDQN
    return config


@pytest.fixture
def built(tmp_path):
    """Builds algorithms that end with the test."""
    rllib_without_ray.install()
    algorithms = []

    def build(config):
        torch.manual_seed(0)
        with rllib_without_ray.results_in(str(tmp_path)):
            algorithms.append(config.build_algo())
        if algorithms[-1].local_replay_buffer is not None:
            algorithms[-1].local_replay_buffer.rng = np.random.default_rng(0)
        return algorithms[-1]

    yield build
    for algorithm in algorithms:
        algorithm.stop()


def weights(algorithm) -> dict[str, np.ndarray]:
    return algorithm.learner_group.get_weights()["default_policy"]


def test_counts_and_names_are_stocks(built):
    fast, stock = built(dqn()), built(dqn(fast=False))
    assert isinstance(fast.local_replay_buffer, PrioritizedColumnarReplay)
    results = []
    for algorithm in (stock, fast):
        algorithm.train()
        results.append(algorithm.train())
    theirs, ours = results
    assert set(ours["timers"]) >= set(theirs["timers"])
    assert set(ours["learners"]["default_policy"]) == set(theirs["learners"]["default_policy"])
    steps = [r["env_runners"]["num_env_steps_sampled_lifetime"] for r in results]
    updates = [r["learners"]["default_policy"]["num_module_steps_trained_lifetime"] for r in results]
    assert all(120 <= count < 124 for count in steps)
    # An update of 16 steps for each 2 sampled ones, from the 40th on; a reset makes no step.
    assert all(16 * 40 <= count <= 16 * 55 for count in updates)
    assert len(fast.local_replay_buffer) == 100


def test_the_same_seed_gives_the_same_weights_and_an_iteration_is_one_call(built):
    found = []
    for _ in range(2):
        algorithm = built(dqn())
        assert [algorithm.train()["num_training_step_calls_per_iteration"] for _ in range(2)] == [1, 1]
        found.append(weights(algorithm))
    for name, value in found[0].items():
        np.testing.assert_array_equal(value, found[1][name])


def test_an_iteration_without_a_minimum_is_one_round(built):
    algorithm = built(dqn(min_sample_timesteps_per_iteration=0))
    assert [algorithm.train()["num_env_steps_sampled_lifetime"] for _ in range(3)] == [2, 4, 6]


def test_the_runner_acts_with_the_learners_weights(built):
    algorithm = built(dqn())
    algorithm.train()
    acting = dict(algorithm.env_runner.module.named_parameters())
    learning = dict(algorithm._learner.module["default_policy"].named_parameters())
    assert acting and all(tensor.data_ptr() == learning[name].data_ptr() for name, tensor in acting.items())


def test_checkpoints_load_in_stock_and_back(built, tmp_path):
    fast, stock, again = built(dqn()), built(dqn(fast=False)), built(dqn())
    fast.train()
    for giver, taker in ((fast, stock), (stock, again)):
        folder = str(tmp_path / type(taker).__name__)
        giver.save_to_path(folder)
        taker.restore_from_path(folder)
    for name, value in weights(fast).items():
        np.testing.assert_array_equal(value, weights(again)[name])
    before = weights(fast)
    for algorithm in (again, stock):
        algorithm.train()
        assert algorithm.metrics.peek(("env_runners", "num_env_steps_sampled_lifetime")) >= 120
        assert any((value != weights(algorithm)[name]).any() for name, value in before.items())


def test_sac_learns_from_its_replay(built):
    config = (
        SACConfig()
        .environment("Pendulum-v1")
        .env_runners(num_env_runners=0, env_runner_cls=FastEnvRunner)
        .training(
            learner_class=FastSACTorchLearner,
            train_batch_size_per_learner=16,
            num_steps_sampled_before_learning_starts=20,
            replay_buffer_config={"type": "EpisodeReplayBuffer", "capacity": 1000},
        )
        .rl_module(model_config=SMALL)
        .reporting(min_sample_timesteps_per_iteration=60, min_time_s_per_iteration=None)
    )
    config.algo_class = FastSAC
    algorithm = built(config)
    before = weights(algorithm)
    result = algorithm.train()
    module = result["learners"]["default_policy"]
    assert module["num_module_steps_trained_lifetime"] == 16 * 41
    assert all(
        np.isfinite(module[name]) for name in ("qf_loss", "qf_twin_loss", "policy_loss", "alpha_value")
    )
    assert any((value != before[name]).any() for name, value in weights(algorithm).items())


def test_a_learner_of_another_kind_is_refused(built):
    config = dqn(fast=False)
    config.algo_class = FastDQN
    with pytest.raises(TypeError, match="FastDQN needs"):
        built(config)
    assert issubclass(FastDQN, DQN)


@pytest.mark.slow
def test_remote_sampling_beside_the_updates_gives_one_result_a_seed(built, ray_session):
    found = []
    for _ in range(2):
        algorithm = built(dqn().env_runners(num_env_runners=1))
        for _ in range(2):
            result = algorithm.train()
        assert result["env_runners"]["num_env_steps_sampled_lifetime"] >= 120
        found.append(weights(algorithm))
        algorithm.stop()
    for name, value in found[0].items():
        np.testing.assert_array_equal(value, found[1][name])
