"""Brings an environment's fatal error from a remote env runner to the main process.

RLlib takes a runner that raises out of service, waits, makes it anew and tries again, up to a thousand times,
and only logs why: right for a crashed process, hopeless for a broken environment. So a runner keeps such an
error instead of dying of it, and the main process asks for it: when RLlib puts the runner back into service,
and after each iteration.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from rlexp.compat import rllib
from rlexp.environment.env_errors import FatalEnvError, fatal_cause
from rlexp.environment.hangs import interrupt_sampling
from rlexp.environment.hangs.hang_watch import HangWatch, HungError
from rlexp.environment.hangs.lost_process import close_processes

if TYPE_CHECKING:
    from ray.rllib.algorithms.algorithm import Algorithm
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
    from ray.rllib.env.env_runner_group import EnvRunnerGroup

ASK_TIMEOUT_S = 2.0
"""How long a runner out of service has to say why; one that is restarting is asked again once it is back."""


class FatalErrorKeeper:
    """Mixed into an `EnvRunner` class: an environment's fatal error stays its own, and the actor stays alive.

    A hang is found too (`sample_timeout_s` of the config without a step), and closing waits for no environment.

    Attributes:
        fatal_error: the error that ended sampling, once there is one.
    """

    fatal_error: FatalEnvError | None = None
    config: AlgorithmConfig
    worker_index: int
    env: Any

    @cached_property
    def _watch(self) -> HangWatch:
        return HangWatch(self.config.sample_timeout_s, trains=not self.worker_index, vector=lambda: self.env)

    def sample(self, **kwargs: Any) -> Any:
        """As RLlib's; raises the environment's own `FatalEnvError`, not the bare `RuntimeError` around it."""
        if self.fatal_error is not None:
            raise self.fatal_error
        try:
            with self._watch, interrupt_sampling.breakable():
                return super().sample(**kwargs)  # type: ignore[misc]
        except Exception as error:
            self.fatal_error = fatal_cause(error)
            if self.fatal_error is None:
                raise
            raise self.fatal_error from None

    def _try_env_step(self, actions: Any) -> Any:
        interrupt_sampling.check()
        self._watch.beat(time.perf_counter())
        return super()._try_env_step(actions)  # type: ignore[misc]

    def _try_env_reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        interrupt_sampling.check()
        self._watch.beat(time.perf_counter())
        return super()._try_env_reset(seed=seed, options=options)  # type: ignore[misc]

    def stop(self) -> None:
        """As RLlib's; environments that hang are not asked."""
        close_processes(self.env)
        if not isinstance(self.fatal_error, HungError):
            with self._watch:
                super().stop()  # type: ignore[misc]

    def apply(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """As RLlib's, but raises a fatal error to the caller, with neither a delay nor the process's end."""
        result = super().apply(partial(_returning_fatal, func), *args, **kwargs)  # type: ignore[misc]
        if isinstance(result, _Raised):
            raise result.error
        return result


class _Raised:
    """A fatal error on its way through RLlib's `apply`, which would end the process if it were raised."""

    def __init__(self, error: FatalEnvError) -> None:
        self.error = error


def _returning_fatal(func: Callable[..., Any], runner: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        return func(runner, *args, **kwargs)
    except FatalEnvError as error:
        return _Raised(error)


def raise_if_broken(
    algorithm: Algorithm, group: EnvRunnerGroup | None = None, runners: Sequence[int] | None = None
) -> None:
    """Raises the fatal error of an environment on a remote runner, if there is one.

    Costs nothing while all runners are in service. Call it after each iteration and on lack of progress.

    Args:
        algorithm: being trained.
        group: whose runners to ask; None means those of training and of evaluation that are out of service.
        runners: the runners of `group` to ask, in service or not.

    Raises:
        FatalEnvError: `EnvBrokenError` or `NonFiniteError`, as the environment raised it.
    """
    groups = [group] if group is not None else [algorithm.env_runner_group, algorithm.eval_env_runner_group]
    for each in groups:
        if each is None or each.num_remote_env_runners() == 0:
            continue
        ask = runners if runners is not None else _out_of_service(each)
        if error := _first_error(each, ask):
            raise error


def _out_of_service(group: EnvRunnerGroup) -> list[int]:
    if group.num_healthy_remote_env_runners() == group.num_remote_env_runners():
        return []
    healthy = set(group.healthy_env_runner_ids())
    return [i for i in rllib.actor_manager(group).actor_ids() if i not in healthy]


def _first_error(group: EnvRunnerGroup, runners: Sequence[int]) -> FatalEnvError | None:
    if not runners:
        return None
    # Straight to the manager: a runner that is gone answers with an error, which is not raised here.
    answers = rllib.actor_manager(group).foreach_actor(
        _fatal_error_of, healthy_only=False, remote_actor_ids=list(runners), timeout_seconds=ASK_TIMEOUT_S
    )
    return next((a.get() for a in answers.ignore_errors() if a.get() is not None), None)


def _fatal_error_of(runner: Any) -> FatalEnvError | None:
    return getattr(runner, "fatal_error", None)
