"""A tiny PPO on any environment choice, built as a run builds it."""

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
        trusted=list(trusted),
        **fields,
    )


def ppo(
    choice: EnvChoice,
    trusted: Any,
    *,
    batch: int = 200,
    evaluation: Any = None,
    fault_tolerance: Any = None,
    **env_runners: Any,
) -> Any:
    """The built algorithm; `env_runners` go to RLlib's builder of that name."""
    from ray.rllib.algorithms.ppo import PPOConfig

    from rlexp.environment.failures import FailureCounter
    from rlexp.environment.fatal import env_runner_class
    from rlexp.environment.make import rllib_environment

    config = (
        PPOConfig()
        .environment(**rllib_environment(run_config(choice, trusted)))
        .env_runners(**{"num_env_runners": 0, "num_envs_per_env_runner": 1, **env_runners})
        .training(train_batch_size_per_learner=batch, minibatch_size=batch // 2, num_epochs=1)
        .rl_module(model_config={"fcnet_hiddens": [8]})
        .callbacks(FailureCounter)
        .debugging(seed=3, log_level="ERROR")
    )
    if evaluation is not None:
        config.evaluation(**evaluation)
    if fault_tolerance is not None:
        config.fault_tolerance(**fault_tolerance)
    config.env_runners(env_runner_cls=env_runner_class(config))
    return config.build_algo()
