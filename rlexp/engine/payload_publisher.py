"""From the main process's curriculum to every runner's connector. Imported only once training starts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rlexp.compat import rllib
from rlexp.engine.curriculum_connector import CurriculumConnector
from rlexp.engine.task_dispatcher import curriculum_piece
from rlexp.environment.tasks.payload import Payload

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm


def with_curriculum(*args: Any, then: Any) -> list[Any]:
    """Fresh env-to-module pieces for training, the curriculum's first.

    Args:
        args: RLlib's, passed on.
        then: makes the other pieces; None for none.
    """
    return [CurriculumConnector(), *(then(*args) if then is not None else ())]


def with_targets(*args: Any, then: Any, targets: Payload | None) -> list[Any]:
    """The same for evaluation, whose tasks are `targets`; None: the environment's own."""
    piece = CurriculumConnector()
    piece.follows, piece.targets = False, targets
    return [piece, *(then(*args) if then is not None else ())]


def publish(algorithm: Algorithm, payload: Payload) -> None:
    """Sets the payload in this process; RLlib's next sync of states takes it to the other runners."""
    for pipeline in (
        rllib.env_to_module(algorithm.env_runner),
        algorithm.env_to_module_connector,
    ):
        piece = curriculum_piece(pipeline)
        if piece is not None:
            piece.publish(payload)


def publish_now(algorithm: Algorithm, payload: Payload) -> None:
    """As `publish`, to all runners at once: before a run's first sample, and after a restore."""
    publish(algorithm, payload)
    group = algorithm.env_runner_group
    if group is not None and group.num_healthy_remote_workers():
        group.foreach_env_runner(partial(_receive, payload=payload), local_env_runner=False)


def _receive(runner: Any, payload: Payload) -> None:
    piece = curriculum_piece(rllib.env_to_module(runner))
    if piece is not None:
        piece.publish(payload)
