"""Around every environment's own vector form, what `Guard` is around single ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import tree
from gymnasium.vector import VectorEnv, VectorWrapper
from numpy.typing import NDArray

from rlexp.environment.env_errors import EnvBrokenError, NonFiniteError
from rlexp.environment.guards.box_checks import FiniteCheck
from rlexp.environment.guards.replaceable_env import ReplaceableEnv
from rlexp.environment.guards.vector_infos import arrays_of
from rlexp.environment.info_keys import FAILURE, FAILURE_COUNT

Stepped = tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]


class VectorGuard(ReplaceableEnv[VectorEnv], VectorWrapper):
    """Replaces a vector environment that raises, and refuses numbers that are not finite.

    A `step` that raises ends all running episodes as truncated, with their last good observations and rewards of 0;
    a new vector environment takes over, whose first observations the next step returns without an action. Where
    episodes had ended just before, the failed step begins their next ones, and these see their first observation
    twice. It is one failure, whatever the number of episodes.

    What it hands out is never written to again; rewards are float64, 0 where an episode begins; infos are arrays of
    a row for each environment, with masks.

    Args:
        make: makes the vector environment, of next-step autoreset, each time from scratch.
        name: what error messages call it.
        max_consecutive_failures: so many failures with no good step in between raise `EnvBrokenError`.
        check_finite: whether NaN or infinity in an observation or reward raises `NonFiniteError`.
        max_steps: env steps after which an episode is truncated, and all others with it; None for no limit.

    Attributes:
        before_restart: called when a new vector environment has taken over, before its reset; None for nothing.
    """

    env: VectorEnv
    before_restart: Callable[[], None] | None = None

    def __init__(
        self,
        make: Callable[[], VectorEnv],
        name: str,
        *,
        max_consecutive_failures: int = 10,
        check_finite: bool = True,
        max_steps: int | None = None,
    ) -> None:
        VectorWrapper.__init__(self, make())
        ReplaceableEnv.__init__(self, make, name, max_consecutive_failures, max_steps)
        self._seed_limit = 2**31 - self.env.num_envs  # It seeds its environments one after another.
        self._finite = FiniteCheck(self.env.observation_space) if check_finite else None
        space = self.env.observation_space
        self._shape = space.shape if isinstance(space, gymnasium.spaces.Box) else None
        self._ended = np.zeros(self.env.num_envs, np.bool_)
        self._steps = np.zeros(self.env.num_envs, np.int64)
        self._episode_steps = np.zeros(self.env.num_envs, np.int64)
        self._last: Any = None
        self._restarted: tuple[Any, dict[str, Any]] | None = None

    def step(self, actions: Any) -> Stepped:
        """Steps all; a failure becomes a truncated step with `infos["env_failure"]`.

        Raises:
            EnvBrokenError: it failed too often in a row, or what it returns is not as next-step autoreset or its
                observation space says.
            NonFiniteError: an observation or a reward is NaN or infinity.
        """
        if self._restarted is not None:
            return self._begin_all(*self._restarted)
        try:
            stepped = self.env.step(actions)
            observations = _copied(stepped[0])
            rewards = np.array(stepped[1], np.float64)
            terminated, truncated = np.array(stepped[2], np.bool_), np.array(stepped[3], np.bool_)
        except BaseException as error:
            return self._truncate_all(error)
        self._failures_in_a_row = 0
        began, self._ended = self._ended, terminated | truncated
        self._check_shapes(observations, rewards, self._ended)
        self._steps += ~began
        self._episode_steps += 1
        if np.count_nonzero(began):  # A fifth of what `any` takes.
            self._check_begun(began)
            rewards[began] = 0.0
            self._episode_steps[began] = 0
        if self._finite is not None:
            self._check_rewards(rewards)
            self._check_observations(observations)
        self._last = observations
        infos = arrays_of(stepped[4], self.num_envs)
        if self._max_steps is not None and (self._episode_steps >= self._max_steps).any():
            return self._cut_off(observations, rewards, terminated, infos)
        return observations, rewards, terminated, truncated, infos

    def _cut_off(self, observations: Any, rewards: Any, terminated: Any, infos: dict[str, Any]) -> Stepped:
        """The step with which an episode met its bound: none can be reset alone, so that all end."""
        self._note_truncation(int(self._episode_steps.max()))
        self._needs_seed = True
        self._restarted, _ = self._start_episodes(None, self._reset)
        self._ended = np.ones(self.num_envs, np.bool_)
        self._episode_steps[:] = 0
        return observations, rewards, terminated, ~terminated, self._reported(infos)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets all, on a new vector environment when the old one raises.

        Raises:
            EnvBrokenError: it failed too often in a row, or an observation has another shape than its space.
            NonFiniteError: an observation holds NaN or infinity.
        """
        self._restarted = None
        self._ended = np.zeros(self.num_envs, np.bool_)
        self._episode_steps[:] = 0
        (observations, infos), error = self._start_episodes(seed, partial(self._reset, options=options))
        self._last = observations
        return observations, self._reported(infos, error)

    def _reset(
        self, seed: int | list[int | None] | None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        observations, infos = self.env.reset(seed=seed, options=options)
        observations = _copied(observations)
        self._check_shapes(observations, self._ended, self._ended)
        if self._finite is not None:
            self._check_observations(observations)
        return observations, arrays_of(infos, self.num_envs)

    def _truncate_all(self, error: BaseException) -> Stepped:
        """The step that failed, as the end of all episodes that were running."""
        self._failed(error)
        self._needs_env = True
        (first, infos), _ = self._start_episodes(None, self._reset)
        running = ~self._ended
        observations = tree.map_structure(lambda old, new: _rows(running, old, new), self._last, first)
        infos_now = self._reported({} if running.any() else infos, error, np.flatnonzero(running))
        self._episode_steps[:] = 0
        self._restarted = (first, infos) if running.any() else None
        self._ended = running
        self._last = observations
        none = np.zeros(self.num_envs, np.bool_)
        return observations, np.zeros(self.num_envs), none, running.copy(), infos_now

    def _begin_all(self, observations: Any, infos: dict[str, Any]) -> Stepped:
        """The step after a failed one: the new vector environment's first observations."""
        self._restarted = None
        self._ended = np.zeros(self.num_envs, np.bool_)
        self._last = observations
        none = np.zeros(self.num_envs, np.bool_)
        return observations, np.zeros(self.num_envs), none, none.copy(), infos

    def _prepare(self, env: VectorEnv) -> None:
        if self.before_restart is not None:
            self.before_restart()

    def _when(self) -> str:
        return f"at its step {int(self._steps.max())}"

    def _reported(
        self,
        infos: dict[str, Any],
        error: BaseException | None = None,
        truncated: Sequence[int] | NDArray[np.int64] = (),
    ) -> dict[str, Any]:
        """`infos` with what none has said yet, in one row; the failure in each row that it has truncated."""
        report = self._report(error)
        row = int(truncated[0]) if len(truncated) else 0
        for key, value in report.items():
            counts = key == FAILURE_COUNT
            rows: Any = np.full(self.num_envs, 0 if counts else None, np.int64 if counts else object)
            has = np.zeros(self.num_envs, np.bool_)
            for each in truncated if key == FAILURE and len(truncated) else [row]:
                rows[each], has[each] = value, True
            infos = {**infos, key: rows, f"_{key}": has}
        return infos

    def _check_shapes(self, observations: Any, rewards: Any, ended: Any) -> None:
        expected = (self.num_envs,)
        shape = getattr(observations, "shape", None)
        if self._shape not in (None, shape) and np.shape(observations) != self._shape:
            raise EnvBrokenError.misshapen(
                self.name, np.shape(observations), self._shape, int(self._steps.max())
            )
        if rewards.shape != expected or ended.shape != expected:
            shapes = f"{rewards.shape} and {ended.shape}"
            raise self._broken(f"returned rewards and ends of shape {shapes}, not {expected}")

    def _check_begun(self, began: NDArray[np.bool_]) -> None:
        if (self._ended & began).any():
            row = int(np.flatnonzero(self._ended & began)[0])
            raise self._broken(
                f"ended episode {row} of the vector twice: the step after an episode's end must reset it, by "
                "next-step autoreset"
            )

    def _broken(self, what: str) -> EnvBrokenError:
        broken = EnvBrokenError(f"the environment {self.name} {what}")
        broken.env = self.name
        return broken

    def _check_rewards(self, rewards: NDArray[np.float64]) -> None:
        good = np.isfinite(rewards)
        if np.count_nonzero(good) < len(good):
            row = int(np.flatnonzero(~good)[0])
            raise self._not_finite(row, "reward", float(rewards[row]))

    def _check_observations(self, observations: Any) -> None:
        assert self._finite is not None
        if self._finite.bad_field(observations) is None:
            return
        alone = FiniteCheck(self.single_observation_space)
        for row in range(self.num_envs):
            bad = alone.bad_field(tree.map_structure(lambda leaf, row=row: leaf[row], observations))
            if bad is not None:
                raise self._not_finite(row, *bad)

    def _not_finite(self, row: int, field: str, value: float) -> NonFiniteError:
        name = f"{self.name} (number {row} of its vector form)"
        return NonFiniteError.found(name, field, value, int(self._steps[row]), int(self._episode_steps[row]))


def _copied(observations: Any) -> Any:
    """C-contiguous copies: an implementation may return the same buffers at each step."""
    if isinstance(observations, np.ndarray):
        return observations.copy()
    return tree.map_structure(lambda leaf: np.array(leaf, order="C"), observations)


def _rows(which: NDArray[np.bool_], one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Row by row `one` or `other`."""
    return np.where(which.reshape(-1, *[1] * (one.ndim - 1)), one, other).astype(one.dtype)
