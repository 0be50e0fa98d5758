"""A whole plain config, as composition hands it over."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def plain() -> dict[str, Any]:
    """PPO on CartPole. Tests change copies, never this."""
    return {
        "algorithm": {
            "config_class": "ray.rllib.algorithms.ppo.PPOConfig",
            "lr": 3e-4,
            "gamma": 0.99,
            "num_epochs": 10,
            "minibatch_size": 256,
            "train_batch_size_per_learner": 2048,
        },
        "model": {"fcnet_hiddens": [64, 64], "vf_share_layers": False},
        "env": {
            "id": "CartPole-v1",
            "wrappers": [{"_target_": "gymnasium.wrappers.TimeLimit", "max_episode_steps": 10}],
        },
        "hardware": {
            "num_env_runners": 0,
            "num_envs_per_env_runner": 8,
            "env_vars": {"OMP_NUM_THREADS": "1"},
        },
        "exploration": {},
        "evaluation": {"evaluation_interval": 5, "evaluation_duration": "auto"},
        "callbacks": {"progress": {"_target_": "callbacks.progress.Progress", "every_s": 10.0}},
        "tracking": {},
        "metrics": {},
        "data": {},
        "reporting": {"min_time_s_per_iteration": 0},
        "stop": {"env_steps": 100_000, "plateau": {"metric": "eval/return_mean", "patience": 3}},
        "checkpoint": {"every": 10, "from": None},
        "seed": 0,
    }
