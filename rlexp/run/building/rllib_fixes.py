"""What RLlib 2.60 gets wrong about single algorithms, by config class: put right, or refused with a way out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from rlexp.base.errors import ConfigError
from rlexp.compat.applied import need

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

T = TypeVar("T")


def put_right(algorithm: AlgorithmConfig) -> None:
    """Replaces RLlib's defaults that RLlib itself then refuses; before any setting is applied."""
    for defaults in _entries(DEFAULTS, algorithm):
        algorithm.training(**defaults)


def refuse(algorithm: AlgorithmConfig) -> None:
    """Refuses settings on which RLlib would fail once training runs; after all are applied.

    Raises:
        ConfigError: with the value that works.
    """
    for check in _entries(REFUSALS, algorithm):
        check(algorithm)


def guard_metrics(algorithm: Algorithm) -> None:
    """Evaluation beside training makes new entries in the metrics while another thread walks through them."""
    if algorithm.config is not None and algorithm.config.evaluation_parallel_to_training:
        need("rllib.metrics_lock")
        algorithm.metrics._threading_lock = threading.RLock()  # As RLlib's IMPALA learner does with its own.


def _several_updates(algorithm: AlgorithmConfig) -> None:
    """A local learner hands a single batch on as if it were an iterator."""
    if algorithm.num_learners == 0 and algorithm.dataset_num_iters_per_learner == 1:
        key = "data.dataset_num_iters_per_learner"
        raise ConfigError(
            f"{key}=1: RLlib's CQL cannot make a single update an iteration", key=key, fix=f"{key}=100"
        )


DEFAULTS: dict[str, dict[str, Any]] = {
    "CQLConfig": {"lr": None},  # SAC's check, which it inherits, takes nothing else
}
"""Keywords of `training()` by RLlib's config class; classes derived from it have them too."""

REFUSALS: dict[str, Callable[[AlgorithmConfig], None]] = {
    "CQLConfig": _several_updates,
}
"""Checks by RLlib's config class; of classes derived from it too."""


def _entries(table: Mapping[str, T], algorithm: AlgorithmConfig) -> Iterator[T]:
    """What a table holds for the algorithm's own class and those it derives from."""
    for ancestor in type(algorithm).__mro__:
        if ancestor.__module__.startswith("ray.rllib.") and ancestor.__name__ in table:
            yield table[ancestor.__name__]
