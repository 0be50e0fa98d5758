"""A tiny PPO or DQN on any environment choice, built as a run builds it, on the fast path or on RLlib's own."""

from __future__ import annotations

from typing import Any

from rlexp.config.schema import EnvChoice, RunConfig


def run_config(choice: EnvChoice, trusted: Any, **fields: Any) -> RunConfig:
    from rlexp.config import schema

    return RunConfig(
        algorithm=schema.AlgorithmChoice("ray.rllib.algorithms.ppo.PPOConfig"),
        model=schema.ModelChoice(),
        env=choice,
        hardware=schema.HardwareChoice(),
        exploration={},
        evaluation=schema.EvaluationChoice(),
        callbacks={},
        tracking={},
        metrics={},
        data=schema.DataChoice(),
        reporting=schema.ReportingChoice(),
        stop=schema.Stop(),
        checkpoint=schema.CheckpointChoice(),
        curriculum=schema.CurriculumChoice(),
        trusted=list(trusted),
        **fields,
    )


def ppo(choice: EnvChoice, trusted: Any, *, batch: int = 200, **options: Any) -> Any:
    """The built PPO; `options` are those of `_built`."""
    from ray.rllib.algorithms.ppo import PPOConfig

    config = PPOConfig().training(train_batch_size_per_learner=batch, minibatch_size=batch // 2, num_epochs=1)
    return _built(config, choice, trusted, **options)


def dqn(choice: EnvChoice, trusted: Any, **options: Any) -> Any:
    """The built DQN; iterations of 200 env steps."""
    from ray.rllib.algorithms.dqn import DQNConfig

    config = (
        DQNConfig()
        .training(
            train_batch_size_per_learner=16,
            num_steps_sampled_before_learning_starts=100,
            replay_buffer_config={"type": "PrioritizedEpisodeReplayBuffer", "capacity": 5000},
        )
        .reporting(min_sample_timesteps_per_iteration=200, min_time_s_per_iteration=0)
    )
    return _built(config, choice, trusted, **options)


def _built(
    config: Any,
    choice: EnvChoice,
    trusted: Any,
    *,
    fast: str = "never",
    observation_filter: bool = False,
    evaluation: Any = None,
    fault_tolerance: Any = None,
    **env_runners: Any,
) -> Any:
    """The algorithm; `env_runners` go to RLlib's builder of that name, `fast` as in a run's config."""
    from rlexp.engine.callbacks.failure_counter import FailureCounter
    from rlexp.engine.install_fast_path import install
    from rlexp.engine.runners.runner_class import env_runner_class
    from rlexp.environment.make import env_creator, rllib_environment
    from rlexp.models.observation_filter import add_filter

    environment = rllib_environment(run_config(choice, trusted))
    (
        config.environment(**environment)
        .env_runners(**{"num_env_runners": 0, "num_envs_per_env_runner": 1, **env_runners})
        .rl_module(model_config={"fcnet_hiddens": [8]})
        .callbacks([FailureCounter])
        .debugging(seed=3, log_level="ERROR")
    )
    if evaluation is not None:
        config.evaluation(**evaluation)
    if fault_tolerance is not None:
        config.fault_tolerance(**fault_tolerance)
    config.env_runners(env_runner_cls=env_runner_class(config))
    env = env_creator(environment["env_config"])
    if observation_filter:
        add_filter(config, env.observation_space, None)
    install(config, fast, (env.observation_space, env.action_space))
    env.close()
    return config.build_algo()
