"""Stock RLlib still does what the patches put right: where one of these fails, its row can go."""

from __future__ import annotations

import inspect

import numpy as np


def test_a_group_of_local_runners_puts_its_config_into_rays_store() -> None:
    from ray.rllib.env.env_runner_group import EnvRunnerGroup

    assert "ray.put(" in inspect.getsource(EnvRunnerGroup)


def test_an_algorithms_metrics_have_no_lock() -> None:
    from ray.rllib.utils.metrics.metrics_logger import MetricsLogger

    lock = MetricsLogger()._threading_lock
    assert type(lock).__module__.startswith("ray."), "RLlib has a real lock now"


def test_rllib_knows_evaluations_by_iterations_alone() -> None:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

    known = inspect.signature(AlgorithmConfig.evaluation).parameters
    assert "evaluation_interval" in known
    assert not [name for name in known if "interval" in name and "step" in name]


def test_a_checkpoint_pickles_the_arguments_as_they_are() -> None:
    from ray.rllib.utils.checkpoints import Checkpointable

    source = inspect.getsource(Checkpointable.save_to_path)
    assert "pickle.dump(" in source and "get_ctor_args_and_kwargs" in source


def test_rllib_unpickles_a_packed_column() -> None:
    from ray.rllib.utils import compression

    assert "pickle.loads(" in inspect.getsource(compression.unpack)
    packed = compression.pack(np.arange(3))
    assert compression.unpack_if_needed(packed).tolist() == [0, 1, 2]
