"""RLlib algorithms built as a run builds them, in this process and without Ray's."""

from importlib import import_module
from typing import Any

import gymnasium as gym
import numpy as np

from rlexp.compat import rllib_without_ray
from rlexp.config.schema import ModelChoice
from rlexp.models.module_spec import rl_module_settings

TRUSTED = ["rlexp", "ray.rllib"]


class Picture(gym.Env):
    """Random bytes of a given shape for ten steps; a reward for action 0."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.observation_space = gym.spaces.Box(0, 255, tuple(config.get("shape", (7, 7, 3))), np.uint8)
        self.action_space = (
            gym.spaces.Box(-1, 1, (2,)) if config.get("continuous") else gym.spaces.Discrete(3)
        )
        self.time = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.time = 0
        return self.observation_space.sample(), {}

    def step(self, action: Any):
        self.time += 1
        return self.observation_space.sample(), float(np.all(action == 0)), self.time >= 10, False, {}


def config_class(name: str) -> type:
    """`ppo.PPO` to its config class."""
    module, _, algorithm = name.partition(".")
    return getattr(import_module(f"ray.rllib.algorithms.{module}"), f"{algorithm}Config")


def configure(
    name: str, env: Any, model: ModelChoice | None = None, envs: int = 1, env_config: Any = None, **training
):
    """An AlgorithmConfig with the model applied; `training` are keywords of its `training()`."""
    rllib_without_ray.install()
    made = gym.make(env) if isinstance(env, str) else env(env_config or {})
    spaces = made.observation_space, made.action_space
    config = config_class(name)().environment(env, env_config=env_config or {})
    config.env_runners(num_env_runners=0, num_envs_per_env_runner=envs).debugging(seed=3)
    config.reporting(min_time_s_per_iteration=0, min_sample_timesteps_per_iteration=20)
    settings = rl_module_settings(model or ModelChoice(), TRUSTED, *spaces, config.__class__)
    if connector := settings.pop("env_to_module_connector", None):
        config.env_runners(env_to_module_connector=connector)
    return config.rl_module(**settings).training(**training)


ON_POLICY = {"train_batch_size_per_learner": 64, "minibatch_size": 32, "num_epochs": 1}
OFF_POLICY = {
    "train_batch_size_per_learner": 16,
    "num_steps_sampled_before_learning_starts": 20,
    "training_intensity": 4.0,
    "replay_buffer_config": {"type": "EpisodeReplayBuffer", "capacity": 1000},
}
