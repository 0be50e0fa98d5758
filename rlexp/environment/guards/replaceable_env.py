"""What all guards share: failures are counted, a broken environment is replaced, and infos say so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np

from rlexp.environment.env_errors import (
    EnvBrokenError,
    FatalEnvError,
    MisbehavedError,
    NonFiniteError,
    describe,
)
from rlexp.environment.guards.notices import Notices
from rlexp.environment.hangs.hang_watch import Hang
from rlexp.environment.info_keys import FAILURE, FAILURE_COUNT

_log = logging.getLogger(__name__)
_Env = TypeVar("_Env")
_Start = TypeVar("_Start")


class ReplaceableEnv(Generic[_Env]):
    """Mixed into a guard: makes the environment anew after each failure, up to so many in a row.

    Args:
        make: makes the environment, each time from scratch.
        name: what error messages call it.
        max_consecutive_failures: so many failures with no good step in between raise `EnvBrokenError`.
        max_steps: env steps after which an episode is truncated, which a notice says; None for no limit.

    Attributes:
        env: the environment at present; the guard sets the first one.
    """

    env: _Env
    _seed_limit = 2**31

    def __init__(
        self, make: Callable[[], _Env], name: str, max_consecutive_failures: int, max_steps: int | None
    ) -> None:
        self.name = name
        self._make = make
        self._max_failures = max_consecutive_failures
        self._max_steps = max_steps
        self._failures_in_a_row = 0
        self._unreported = 0
        self._notices = Notices()
        self._needs_env = False
        self._needs_seed = False
        self._rng = np.random.default_rng()

    def _when(self) -> str:
        """Says at which step the environment is, for messages."""
        raise NotImplementedError

    def _prepare(self, env: _Env) -> None:
        """Brings a new environment into the state that the old one had been given."""

    def _start_episodes(
        self, seed: Any, reset: Callable[[Any], _Start]
    ) -> tuple[_Start, BaseException | None]:
        """Starts episodes, on a new environment after each time that it fails.

        Args:
            seed: None goes on with the environment's own random numbers.
            reset: starts them by a seed, of a new environment always one.

        Returns:
            What `reset` returned, and the last error if there was one.

        Raises:
            EnvBrokenError: it failed too often in a row.
        """
        if seed is not None:
            self._rng = np.random.default_rng(None if isinstance(seed, list) else seed)
        last_error: BaseException | None = None
        while True:
            try:
                if self._needs_env:
                    self._replace()
                started = reset(self._new_seed() if seed is None and self._needs_seed else seed)
                break
            except BaseException as error:
                self._failed(error)
                # Another seed: a level that cannot be built stays so.
                last_error, seed, self._needs_env = error, None, True
        self._needs_seed = False
        return started, last_error

    def _new_seed(self) -> int:
        return int(self._rng.integers(self._seed_limit))

    def _replace(self) -> None:
        close_broken(self.env)
        self.env = self._make()
        self._needs_seed = True
        self._prepare(self.env)
        self._needs_env = False

    def _failed(self, error: BaseException) -> None:
        """Counts a failure; raises when it was one too many, or one that no new environment helps against.

        Raises:
            KeyboardInterrupt, Hang: these end more than an episode.
            FatalEnvError: `error`, or that an environment has raised what ends programs.
        """
        if isinstance(error, (KeyboardInterrupt, Hang, FatalEnvError)):
            raise error
        if not isinstance(error, Exception):
            raise MisbehavedError.raised(self.name, error, self._when()) from error
        self._notices.add(
            "failure",
            f"the environment {self.name} raised {describe(error)} {self._when()}; a new one took over "
            "(perf/env_failures counts)",
        )
        self._failures_in_a_row += 1
        self._unreported += 1
        if self._failures_in_a_row >= self._max_failures:
            raise EnvBrokenError.after(self.name, self._failures_in_a_row, error) from error

    def _note_truncation(self, steps: int) -> None:
        """Notes that an episode of evaluation was truncated after `max_steps`."""
        self._notices.add(
            "bound",
            f"evaluation: an episode of {self.name} was truncated after {steps:,} steps "
            "(evaluation.max_episode_steps; env.max_episode_steps bounds training too)",
        )

    def _report(self, error: BaseException | None = None) -> dict[str, Any]:
        """Entries of an info: the failures and notices that no info has had yet.

        Args:
            error: the failure that is the reason of this report.
        """
        report = self._notices.add_to({})
        if self._unreported:
            report[FAILURE_COUNT] = self._unreported
            if error is not None:
                report[FAILURE] = describe(error)
            self._unreported = 0
        return report


class ReplaceableSingleEnv(ReplaceableEnv[Any]):
    """Mixed into the guard of one environment, of one agent or several: counts its steps, and repeats changes."""

    def __init__(
        self, make: Callable[[], Any], name: str, max_consecutive_failures: int, max_steps: int | None
    ) -> None:
        super().__init__(make, name, max_consecutive_failures, max_steps)
        self._change: Callable[[Any], None] | None = None
        self._steps = 0
        self._episode_steps = 0

    def set_task(self, task: Any) -> None:
        """Hands `task` to the environment's own `set_task`, now and whenever it is replaced."""
        self.change(lambda env: env.get_wrapper_attr("set_task")(task))

    def change(self, change: Callable[[Any], None]) -> None:
        """Changes the environment, now and whenever it is replaced, until the next such call."""
        self._change = change
        if not self._needs_env:
            change(self.env)

    def rebuild(self, make: Callable[[], Any]) -> None:
        """From the next reset on, the environment is one that `make` makes."""
        self._make, self._needs_env = make, True

    def _prepare(self, env: Any) -> None:
        if self._change is not None:
            self._change(env)

    def _failed_in_step(self, error: BaseException) -> dict[str, Any]:
        """Counts the failure and replaces the environment at once, so that a task set before the reset reaches it.

        Returns:
            The report of it.
        """
        self._failed(error)
        self._needs_env = True
        try:
            self._replace()
        except BaseException as another:
            self._failed(another)
        self._episode_steps = 0
        return self._report(error)

    def _when(self) -> str:
        if not self._episode_steps:
            return f"on reset, after {self._steps} steps" if self._steps else "on reset"
        return f"at its step {self._steps} (step {self._episode_steps} of the episode)"

    def _not_finite(self, field: str, value: float) -> NonFiniteError:
        return NonFiniteError.found(self.name, field, value, self._steps, self._episode_steps)


def close_broken(env: Any) -> None:
    """Closes what is broken already: nothing that it raises, `SystemExit` neither, hides what broke it."""
    try:
        env.close()
    except (KeyboardInterrupt, Hang):
        raise
    except BaseException as error:
        _log.info("a broken environment could not be closed: %s", describe(error))
