"""What RLlib 2.60 gets wrong about single algorithms, by config class: put right, or refused with a way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rlexp.base.errors import ConfigError
from rlexp.compat import rllib
from rlexp.config.algorithms import rows_of_class

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig


def put_right(algorithm: AlgorithmConfig) -> None:
    """Replaces RLlib's defaults that RLlib itself then refuses; before any setting is applied."""
    for row in rows_of_class(type(algorithm)):
        if row.training:
            algorithm.training(**row.training)


def refuse(algorithm: AlgorithmConfig) -> None:
    """Refuses settings on which RLlib would fail once training runs; after all are applied.

    Raises:
        ConfigError: with the value that works.
    """
    for row in rows_of_class(type(algorithm)):
        for quirk in row.quirks:
            REFUSALS[quirk](algorithm)


def guard_metrics(algorithm: Algorithm) -> None:
    """Evaluation beside training makes new entries in the metrics while another thread walks through them."""
    if algorithm.config is not None and algorithm.config.evaluation_parallel_to_training:
        rllib.lock_metrics(algorithm)


def _several_updates(algorithm: AlgorithmConfig) -> None:
    """A local learner hands a single batch on as if it were an iterator."""
    if algorithm.num_learners == 0 and algorithm.dataset_num_iters_per_learner == 1:
        key = "data.dataset_num_iters_per_learner"
        raise ConfigError(
            f"{key}=1: RLlib's CQL cannot make a single update an iteration", key=key, fix=f"{key}=100"
        )


REFUSALS: dict[str, Callable[[AlgorithmConfig], None]] = {"single_update": _several_updates}
"""Checks, by the name in `quirks` of a row of the table of algorithms."""
