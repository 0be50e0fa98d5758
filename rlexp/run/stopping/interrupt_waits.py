"""Where the main process waits for env runners or evaluates, an interrupt can break it off.

Imported only once a run is being built: it imports RLlib.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rlexp.compat import rllib
from rlexp.environment.hangs import interrupt_sampling
from rlexp.metrics.headline import EVAL_SKIPPED

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm
    from ray.rllib.env.env_runner_group import EnvRunnerGroup


def make_breakable(algorithm: Algorithm) -> None:
    """Lets `rlexp.environment.hangs.interrupt_sampling` end an evaluation and the wait for remote runners' samples.

    An evaluation that was ended counts as skipped.
    """
    for group in _groups(algorithm):
        if group.num_remote_env_runners():
            group.foreach_env_runner = _inside(group.foreach_env_runner)
    algorithm.evaluate = _skippable(algorithm.evaluate)


def end_busy_runners(algorithm: Algorithm) -> None:
    """Ends the processes of remote env runners, some of which may sample still and answer nothing before."""
    import ray

    for group in _groups(algorithm):
        for actor in rllib.actor_manager(group).actors().values():
            with contextlib.suppress(Exception):
                ray.kill(actor)
        rllib.actor_manager(group).clear()


def _groups(algorithm: Algorithm) -> list[EnvRunnerGroup]:
    groups = getattr(algorithm, "env_runner_group", None), getattr(algorithm, "eval_env_runner_group", None)
    return [group for group in groups if group is not None]


def _inside(wait: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(wait)
    def breakable(*args: Any, **kwargs: Any) -> Any:
        with interrupt_sampling.breakable():
            return wait(*args, **kwargs)

    return breakable


def _skippable(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(evaluate)
    def evaluated(*args: Any, **kwargs: Any) -> Any:
        try:
            with interrupt_sampling.breakable():
                interrupt_sampling.check()
                return evaluate(*args, **kwargs)
        except interrupt_sampling.SamplingCut:
            return {EVAL_SKIPPED: True}

    return evaluated
