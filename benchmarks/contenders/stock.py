"""RLlib alone, as a person writes it."""

from __future__ import annotations

import ray
import torch
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.algorithms.dqn import DQNConfig
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.algorithms.sac import SACConfig
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.tune import register_env

from contenders.clock import Clock
from contenders.environments import make
from contenders.scenarios import CONVOLUTIONS, DQN, PPO, SAC, Scenario, from_command_line
from rlexp.models.mlp_critics import PlainCriticsSAC


def ppo(scenario: Scenario, image: bool, continuous: bool) -> AlgorithmConfig:
    settings = scenario.settings
    assert isinstance(settings, PPO)
    if image:
        model = DefaultModelConfig(
            conv_filters=[[*layer, "valid"] for layer in CONVOLUTIONS],
            conv_activation="relu",
            head_fcnet_hiddens=list(settings.hiddens),
            head_fcnet_activation="relu",
            vf_share_layers=True,
            free_log_std=continuous,
        )
    else:
        model = DefaultModelConfig(
            fcnet_hiddens=list(settings.hiddens),
            fcnet_activation="tanh",
            vf_share_layers=False,
            free_log_std=continuous,
        )
    return (
        PPOConfig()
        .training(
            lr=settings.lr,
            gamma=settings.gamma,
            lambda_=settings.lambda_,
            num_epochs=settings.epochs,
            minibatch_size=settings.minibatch,
            train_batch_size_per_learner=settings.batch,
            clip_param=settings.clip,
            vf_clip_param=1e9,
            vf_loss_coeff=settings.value_weight,
            entropy_coeff=0.0,
            use_kl_loss=False,
            grad_clip=settings.max_grad_norm,
        )
        .rl_module(model_config=model)
    )


def dqn(scenario: Scenario) -> AlgorithmConfig:
    settings = scenario.settings
    assert isinstance(settings, DQN)
    return (
        DQNConfig()
        .env_runners(rollout_fragment_length=settings.steps_per_update // scenario.num_envs)
        .training(
            lr=settings.lr,
            gamma=settings.gamma,
            train_batch_size_per_learner=settings.batch,
            training_intensity=settings.batch / settings.steps_per_update,
            num_steps_sampled_before_learning_starts=settings.learning_starts if scenario.learns else 10**9,
            target_network_update_freq=settings.target_every,
            epsilon=[[0, 1.0], [settings.epsilon_steps, settings.epsilon]],
            double_q=False,
            dueling=False,
            td_error_loss_fn="huber",
            grad_clip=settings.max_grad_norm,
            replay_buffer_config={"type": "EpisodeReplayBuffer", "capacity": settings.capacity},
        )
        .rl_module(
            model_config=DefaultModelConfig(
                fcnet_hiddens=list(settings.hiddens), fcnet_activation="relu", head_fcnet_hiddens=[]
            )
        )
    )


def sac(scenario: Scenario) -> AlgorithmConfig:
    settings = scenario.settings
    assert isinstance(settings, SAC)
    model = DefaultModelConfig(
        fcnet_hiddens=list(settings.hiddens), fcnet_activation="relu", head_fcnet_hiddens=[]
    )
    return (
        SACConfig()
        .env_runners(rollout_fragment_length=1)
        .training(
            actor_lr=settings.lr,
            critic_lr=settings.lr,
            alpha_lr=settings.lr,
            gamma=settings.gamma,
            tau=settings.tau,
            train_batch_size_per_learner=settings.batch,
            training_intensity=settings.batch / settings.steps_per_update,
            num_steps_sampled_before_learning_starts=settings.learning_starts,
            replay_buffer_config={"type": "EpisodeReplayBuffer", "capacity": settings.capacity},
        )
        .reporting(min_time_s_per_iteration=0)
        .rl_module(rl_module_spec=RLModuleSpec(module_class=PlainCriticsSAC, model_config=model))
    )


def configured(scenario: Scenario) -> AlgorithmConfig:
    """The algorithm's config with what all three share."""
    example = make(scenario.env)
    image, continuous = len(example.observation_space.shape) == 3, not hasattr(example.action_space, "n")
    config = {"ppo": lambda s: ppo(s, image, continuous), "dqn": dqn, "sac": sac}[scenario.settings.kind](
        scenario
    )
    register_env("measured", lambda _: make(scenario.env))
    return (
        config.environment("measured")
        # Booked, not used: as many runners as there are cores may be measured.
        .env_runners(
            num_env_runners=scenario.runners,
            num_envs_per_env_runner=scenario.num_envs,
            num_cpus_per_env_runner=0.2,
        )
        .debugging(seed=0)
    )


def parameters(algorithm: Algorithm) -> int:
    """Trained ones; the names of target networks say so."""
    module = algorithm.learner_group._learner.module["default_policy"]
    return sum(p.numel() for name, p in module.named_parameters() if "target" not in name)


def train(algorithm: Algorithm, scenario: Scenario, clock: Clock) -> int:
    """Iterations until all steps are made; returns the steps."""
    steps = 0
    while steps < scenario.warmup + scenario.steps:
        if steps >= scenario.warmup and not clock.runs:
            clock.start(steps)
        steps = int(algorithm.train()["num_env_steps_sampled_lifetime"])
    return steps


def sample(algorithm: Algorithm, scenario: Scenario, clock: Clock) -> int:
    """As `train`, without learning."""
    steps = 0
    while steps < scenario.warmup + scenario.steps:
        if steps >= scenario.warmup and not clock.runs:
            clock.start(steps)
        steps += sum(
            len(episode) for episode in algorithm.env_runner.sample(num_timesteps=scenario.settings.batch)
        )
    return steps


def main() -> None:
    scenario = from_command_line()
    torch.set_num_threads(1)
    algorithm = configured(scenario).build_algo()
    clock = Clock()
    if scenario.learns or scenario.settings.kind != "ppo":
        steps = train(algorithm, scenario, clock)
    else:
        steps = sample(algorithm, scenario, clock)
    clock.stop(steps)
    clock.tell(parameters(algorithm), f"ray {ray.__version__}")


if __name__ == "__main__":
    main()
