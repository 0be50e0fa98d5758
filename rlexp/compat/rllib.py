"""Private attributes of RLlib's objects, by what they mean: rows `rllib.*`.

For what is asked a few times an iteration at most. Steps of environments, of guards and of gradients touch the
attributes themselves; the rows name those files.
"""

from __future__ import annotations

from typing import Any


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
