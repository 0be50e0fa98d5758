"""Private attributes of RLlib's objects, by what they mean: rows `rllib.*`.

For what is asked a few times an iteration at most. Steps of environments, of guards and of gradients touch the
attributes themselves; the rows name those files.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rlexp.compat.applied import need


def local_learner(group: Any) -> Any:
    """The learner of a `LearnerGroup` in this process; None where all are in others."""
    return group._learner


def actor_manager(group: Any) -> Any:
    """What an `EnvRunnerGroup` asks its remote runners by."""
    return group._worker_manager


def samples_in_flight(group: Any, tag: str) -> list[Any]:
    """The references that an `EnvRunnerGroup` waits for, of requests of one kind."""
    waiting = group._worker_manager._in_flight_req_to_actor_id
    return [request for request, (kind, _) in waiting.items() if kind == tag]


def env_to_module(runner: Any, default: Any = None) -> Any:
    """The pipeline from an env runner's episodes to its module; `default` where there is no runner."""
    return getattr(runner, "_env_to_module", default)


def lock_metrics(algorithm: Any) -> None:
    """Gives an algorithm's metrics a lock, as RLlib's IMPALA learner does with its own."""
    need("rllib.metrics_lock")
    algorithm.metrics._threading_lock = threading.RLock()


def set_counter(algorithm: Any, name: str, value: int) -> None:
    """Sets one of an algorithm's counters, by which RLlib itself decides."""
    algorithm._counters[name] = value


def stock_iteration(algorithm: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """How an algorithm makes a training iteration, and an evaluation."""
    need("rllib.iteration")
    return algorithm._run_one_training_iteration, algorithm._run_one_evaluation


@contextmanager
def iteration_by(algorithm: Any, train: Callable[..., Any], evaluate: Callable[..., Any]) -> Iterator[None]:
    """Meanwhile the algorithm makes its training iterations and evaluations by these."""
    algorithm._run_one_training_iteration, algorithm._run_one_evaluation = train, evaluate
    try:
        yield
    finally:
        del algorithm._run_one_training_iteration, algorithm._run_one_evaluation


@contextmanager
def checkpoints_pickled_by(wrap: Callable[[Any], Any]) -> Iterator[None]:
    """Meanwhile RLlib writes the files of its checkpoints by `wrap` of its pickle module."""
    need("rllib.checkpoint_arguments")
    from ray.rllib.utils import checkpoints

    before = checkpoints.pickle
    checkpoints.pickle = wrap(before)
    try:
        yield
    finally:
        checkpoints.pickle = before


def unpack_columns_by(unpacked: Callable[[Any], Any]) -> None:
    """From now on RLlib unpacks recorded columns of this process by `unpacked`."""
    need("rllib.packed_columns")
    from ray.rllib.offline import offline_prelearner

    offline_prelearner.unpack_if_needed = unpacked
