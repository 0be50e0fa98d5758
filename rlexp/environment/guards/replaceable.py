"""What guards of single environments and of those with several agents share: another environment for a broken one.

Imported once environments are made: it imports Gymnasium.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from rlexp.environment.errors import EnvBrokenError, FatalEnvError, MisbehavedError, NonFiniteError, describe
from rlexp.environment.guards.form import Form
from rlexp.environment.guards.notices import Notices
from rlexp.environment.hangs.hang import Hang

_log = logging.getLogger(__name__)

FAILURE = "env_failure"
"""Info key: the error that ended the episode, or that a reset had to be repeated for, as one line."""

FAILURE_COUNT = "env_failure_count"
"""Info key: how many failures there were since the last info that had this key."""


def check_failure(error: BaseException, name: str, when: str) -> None:
    """Raises what no new environment would help against.

    Raises:
        KeyboardInterrupt, Hang: somebody else's word.
        FatalEnvError: `error`, or that an environment has raised what ends programs.
    """
    if isinstance(error, (KeyboardInterrupt, Hang, FatalEnvError)):
        raise error
    if not isinstance(error, Exception):
        raise MisbehavedError.raised(name, error, when) from error


def one_failure(name: str, error: BaseException, when: str) -> str:
    """What a person is told of the first failure."""
    return f"the environment {name} raised {describe(error)} {when}; a new one took over (perf/env_failures counts)"


def close_broken(env: Any) -> None:
    """Closes what is broken already: nothing that it raises, `SystemExit` neither, hides what broke it."""
    try:
        env.close()
    except (KeyboardInterrupt, Hang):
        raise
    except BaseException as error:
        _log.info("a broken environment could not be closed: %s", describe(error))


class Renewing:
    """Mixed into a guard: counts failures, and makes the environment anew after each.

    Args:
        env: what `make` made first.
        make: makes the environment, each time from scratch.
        name: what error messages call it.
        max_consecutive_failures: so many failures with no good step in between raise `EnvBrokenError`.
    """

    _form: Form

    def __init__(
        self, env: gymnasium.Env, make: Callable[[], gymnasium.Env], name: str, max_consecutive_failures: int
    ) -> None:
        self.env: gymnasium.Env[Any, Any] = env
        self.name = name
        self._make = make
        self._max_failures = max_consecutive_failures
        self._failures_in_a_row = 0
        self._unreported = 0
        self._notices = Notices()
        self._needs_env = False
        self._needs_seed = False
        self._seeds = np.random.default_rng()
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

    def rebuild(self, make: Callable[[], gymnasium.Env]) -> None:
        """From the next reset on, the environment is one that `make` makes."""
        self._make, self._needs_env = make, True

    def _fresh(
        self, seed: int | None, options: dict[str, Any] | None
    ) -> tuple[Any, dict[str, Any], BaseException | None]:
        """What a reset returns, on a new environment when the old one raises; and the last error, if there was one.

        Raises:
            EnvBrokenError: it failed too often in a row.
        """
        if seed is not None:
            self._seeds = np.random.default_rng(seed)
        last_error: BaseException | None = None
        while True:
            try:
                if self._needs_env:
                    self._renew()
                if seed is None and self._needs_seed:
                    seed = int(self._seeds.integers(2**31))
                observation, info = self._form.values(
                    self.env.reset(seed=seed, options=options), "reset", "observation, info"
                )
                break
            except BaseException as error:
                self._failed(error)
                # Another seed: a level that cannot be built stays so.
                last_error, seed = error, None
                self._needs_env = True
        self._needs_seed = False
        self._episode_steps = 0
        return observation, info, last_error

    def _failed(self, error: BaseException) -> None:
        """Counts a failure; raises when it was one too many, or ends more than an episode."""
        check_failure(error, self.name, self._when())
        self._note_failure(error)
        self._failures_in_a_row += 1
        self._unreported += 1
        if self._failures_in_a_row >= self._max_failures:
            raise EnvBrokenError.after(self.name, self._failures_in_a_row, error) from error

    def _replace_env(self) -> None:
        """Makes a new environment at once, so that a task set before the next reset reaches it."""
        self._needs_env = True
        try:
            self._renew()
        except BaseException as error:
            self._failed(error)

    def _renew(self) -> None:
        close_broken(self.env)
        self.env = self._make()
        self._needs_seed = True
        if self._change is not None:
            self._change(self.env)
        self._needs_env = False

    def _when(self) -> str:
        if not self._episode_steps:
            return f"on reset, after {self._steps} steps" if self._steps else "on reset"
        return f"at its step {self._steps} (step {self._episode_steps} of the episode)"

    def _note_failure(self, error: BaseException) -> None:
        self._notices.add("failure", one_failure(self.name, error, self._when()))

    def _reported(self, info: dict[str, Any], error: BaseException | None) -> dict[str, Any]:
        """`info` with the failures that no info has told of yet."""
        told = {**info, FAILURE_COUNT: self._unreported}
        if error is not None:
            told[FAILURE] = describe(error)
        self._unreported = 0
        return self._notices.hand_on(told)

    def _not_finite(self, field: str, value: float) -> NonFiniteError:
        return NonFiniteError.found(self.name, field, value, self._steps, self._episode_steps)
