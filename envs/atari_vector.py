"""Atari games in ale-py's own vector form: the preprocessing of `envs.atari`, done in C++ on threads."""

from __future__ import annotations

from typing import Any

import ale_py
import gymnasium
import numpy as np
from ale_py.vector_env import AtariVectorEnv
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space

from envs.threads import step_threads
from rlexp.base.errors import ConfigError

gymnasium.register_envs(ale_py)


def atari_vector(
    num_envs: int,
    id: str = "ALE/Pong-v5",
    frame_skip: int = 4,
    frame_stack: int = 4,
    screen_size: int = 84,
    scale: bool = True,
    clip_reward: bool = True,
    terminal_on_life_loss: bool = False,
    noop_max: int = 30,
    repeat_action_probability: float = 0.0,
    full_action_space: bool = False,
    max_frames: int = 108_000,
    num_threads: int | None = None,
) -> AtariFrames:
    """Makes `num_envs` games; the other arguments are those of `envs.atari.atari`.

    Without no-ops, the same actions give the same observations, rewards and ends as there, value for value. With
    them, an episode starts after 0 to `noop_max` - 1 of them (there 1 to `noop_max`), and `max_frames` does not count
    them. One seed gives one run, whatever the number of threads.

    Args:
        num_envs: games that are stepped together.
        num_threads: threads that step them; None: one for each CPU that the process may use.

    Raises:
        ConfigError: `max_frames` is no multiple of `frame_skip`, or the id names no game of ale-py.
    """
    if max_frames % frame_skip:
        raise ConfigError(
            f"env.config.max_frames: {max_frames} is no multiple of frame_skip={frame_skip}, and ale-py's vector form "
            "ends episodes only where frames are skipped to",
            key="env.config.max_frames",
            fix=f"env.config.max_frames={max_frames - max_frames % frame_skip}",
        )
    games = AtariVectorEnv(
        _rom(id),
        num_envs,
        num_threads=step_threads(num_envs) if num_threads is None else num_threads,
        max_num_frames_per_episode=max_frames,
        repeat_action_probability=repeat_action_probability,
        full_action_space=full_action_space,
        img_height=screen_size,
        img_width=screen_size,
        stack_num=frame_stack,
        frameskip=frame_skip,
        noop_max=noop_max,
        episodic_life=terminal_on_life_loss,
        reward_clipping=clip_reward,
        use_fire_reset=False,
    )
    return AtariFrames(games, scale)


def _rom(game: str) -> str:
    """ale-py's name of the game behind a Gymnasium id."""
    spec = gymnasium.registry.get(game)
    if spec is None or "game" not in spec.kwargs:
        raise ConfigError(f"env.config.id: ale-py has no game {game!r}", key="env.config.id")
    return spec.kwargs["game"]


class AtariFrames(VectorEnv):
    """ale-py's vector environment with observations of shape (num_envs, height, width, frames).

    Where an episode begins, its first frame fills the stack; ale-py leaves the rest of it black.

    Args:
        games: the vector environment.
        scale: float32 from 0 to 1; false: uint8.
    """

    def __init__(self, games: AtariVectorEnv, scale: bool) -> None:
        self.games, self._scale = games, scale
        self.num_envs, self.metadata = games.num_envs, games.metadata
        box = games.single_observation_space
        frames, height, width = box.shape
        high, dtype = (1, np.float32) if scale else (255, np.uint8)
        self.single_observation_space = spaces.Box(0, high, (height, width, frames), dtype)
        self.single_action_space = games.single_action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = games.action_space
        self._frames = frames
        self._age = np.zeros(self.num_envs, np.int64)
        self._ended = np.zeros(self.num_envs, np.bool_)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts all games anew."""
        observations, infos = self.games.reset(seed=seed, options=options)
        self._age[:] = 0
        self._ended[:] = False
        return self._seen(observations), infos

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One step of all; games that had ended begin anew instead."""
        observations, rewards, terminated, truncated, infos = self.games.step(np.asarray(actions, np.int64))
        self._age = np.where(self._ended, 0, self._age + 1)
        self._ended = terminated | truncated
        return self._seen(observations), rewards, terminated, truncated, infos

    def _seen(self, stacks: np.ndarray) -> np.ndarray:
        """(num_envs, frames, height, width) bytes of ale-py, as the observation space says."""
        for row in np.flatnonzero(self._age < self._frames - 1):
            first = self._frames - 1 - self._age[row]
            stacks[row, :first] = stacks[row, first]
        last = np.moveaxis(stacks, 1, -1)
        return np.divide(last, np.float32(255.0), dtype=np.float32) if self._scale else last
