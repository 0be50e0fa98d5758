"""Any environment of EnvPool (Weng et al. 2022): games, classic control and robots in C++, stepped in numbers."""

from __future__ import annotations

import warnings
from typing import Any

import envpool
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.threads import step_threads
from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest

OWN = ("num_envs", "batch_size", "num_threads", "seed", "env_seed")
"""Settings of a pool that are not its user's to give: they are arguments, or come with a reset."""


class EnvPool(VectorEnv):
    """A pool as a Gymnasium vector environment of next-step autoreset.

    EnvPool seeds an environment when it is made, so a reset with a seed makes the pool anew.

    Args:
        num_envs: environments that are stepped together.
        id: EnvPool's task, e.g. `Pong-v5`.
        num_threads: threads that step them; None: one for each CPU that the process may use.
        channels_last: images come as (height, width, channels), where RLlib looks for them, not as EnvPool's
            (channels, height, width).
        max_episode_steps: steps after which an episode is truncated; None: the task's own.
        render_mode: `rgb_array` for pictures.
        settings: the task's own, e.g. `frame_skip`; EnvPool's documentation lists them.

    Raises:
        ConfigError: no such task or setting.
    """

    _pool: Any = None
    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP, "render_modes": ["rgb_array"]}

    def __init__(
        self,
        num_envs: int = 1,
        id: str = "Pong-v5",
        num_threads: int | None = None,
        channels_last: bool = True,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
        **settings: Any,
    ) -> None:
        _check(id, settings)
        if max_episode_steps is not None:
            settings["max_episode_steps"] = max_episode_steps
        self.num_envs, self.render_mode, self._id = num_envs, render_mode, id
        threads = step_threads(num_envs) if num_threads is None else num_threads
        self._settings = {**settings, "num_envs": num_envs, "num_threads": threads}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Gymnasium's, of EnvPool's bounds in double precision.
            spec = envpool.make_spec(id, **settings)
            seen = spec.gymnasium_observation_space
            self.single_action_space = spec.gymnasium_action_space
        self._moves = (
            channels_last and isinstance(seen, spaces.Box) and seen.dtype == np.uint8 and len(seen.shape) == 3
        )
        self.single_observation_space = _moved(seen) if self._moves else seen
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets all; without a seed for the first time, with one drawn by chance."""
        if seed is not None or self._pool is None:
            self.close()
            drawn = int(np.random.default_rng().integers(2**31 - self.num_envs)) if seed is None else seed
            extra = {} if self.render_mode is None else {"render_mode": self.render_mode}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._pool = envpool.make_gymnasium(self._id, seed=drawn, **self._settings, **extra)
                _ = self._pool.observation_space  # It is made once, with those warnings.
        observations, infos = self._pool.reset(options=options)
        return self._seen(observations), infos

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One step of all; those that had ended begin anew instead."""
        observations, rewards, terminated, truncated, infos = self._pool.step(actions)
        return self._seen(observations), rewards, terminated, truncated, infos

    def render(self) -> tuple[np.ndarray, ...] | None:
        """A picture (height, width, 3) of each environment; None without `render_mode`."""
        if self.render_mode is None or self._pool is None:
            return None
        return tuple(self._pool.render(env_ids=np.arange(self.num_envs)))

    def close(self, **kwargs: Any) -> None:
        """Ends the pool's threads."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _seen(self, observations: Any) -> Any:
        return np.moveaxis(observations, 1, -1) if self._moves else observations


def _moved(box: spaces.Box) -> spaces.Box:
    low, high = (np.moveaxis(bound, 0, -1) for bound in (box.low, box.high))
    return spaces.Box(low, high, dtype=box.dtype)


def _check(task: str, settings: dict[str, Any]) -> None:
    """The task and its settings are ones that EnvPool has."""
    known = envpool.list_all_envs()
    if task not in known:
        raise ConfigError(
            f"env.config.id: EnvPool has no task {task!r}",
            key="env.config.id",
            suggestions=nearest(task, known),
        )
    spec = envpool.make_spec(task)
    takes = [name for name in spec._config_keys if name not in OWN]
    wrong = next((name for name in settings if name not in takes), None)
    if wrong is not None:
        raise ConfigError(
            f"env.config.{wrong}: {task} of EnvPool takes no such setting; it takes {', '.join(takes)}",
            key=f"env.config.{wrong}",
            suggestions=nearest(wrong, takes),
        )
