"""Configs and machines for the tests of hardware."""

from __future__ import annotations

from typing import Any

from rlexp.config import schema
from rlexp.hardware.machine.machine import Machine

PPO = "ray.rllib.algorithms.ppo.PPOConfig"


def run_config(
    algorithm: str = PPO, evaluation: dict[str, Any] | None = None, *, address: str = "local", **hardware: Any
) -> schema.RunConfig:
    """A run of CartPole, in one process unless `hardware` says more.

    `hardware` are settings of RLlib, or `torch_threads` and `env_vars`.
    """
    hardware = {"num_env_runners": 0, "num_learners": 0, **hardware}
    own = {key: hardware.pop(key) for key in ("torch_threads", "env_vars") if key in hardware}
    return schema.RunConfig(
        algorithm=schema.AlgorithmChoice(algorithm),
        model=schema.ModelChoice(),
        env=schema.EnvChoice("CartPole-v1"),
        hardware=schema.HardwareChoice(address=address, settings=hardware, **own),
        exploration={},
        evaluation=schema.EvaluationChoice(settings=evaluation or {}),
        callbacks={},
        tracking={},
        metrics={},
        data=schema.DataChoice(),
        reporting=schema.ReportingChoice(),
        stop=schema.Stop(),
        checkpoint=schema.CheckpointChoice(),
    )


def machine(cores: int = 2, gpus: int = 0) -> Machine:
    return Machine(cores=cores, memory_bytes=16 << 30, free_disk_bytes=100 << 30, gpus=("GPU",) * gpus)
