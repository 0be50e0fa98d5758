"""Any Atari game with the preprocessing of Mnih et al. (2015), as agents are usually compared on it."""

from __future__ import annotations

from typing import Any

import ale_py
import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import AtariPreprocessing, ClipReward, FrameStackObservation

from envs.registered_id import registered_id

gymnasium.register_envs(ale_py)


class ChannelsLast(gymnasium.ObservationWrapper):
    """Moves the stacked frames from the first axis to the last, where RLlib looks for channels."""

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        box = env.observation_space
        assert isinstance(box, spaces.Box)
        low, high = (np.moveaxis(bound, 0, -1) for bound in (box.low, box.high))
        self.observation_space = spaces.Box(low, high, dtype=box.dtype)

    def observation(self, observation: np.ndarray) -> np.ndarray:
        """Shape (frames, height, width) to (height, width, frames)."""
        return np.ascontiguousarray(np.moveaxis(observation, 0, -1))


def atari(
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
    render_mode: str | None = None,
) -> gymnasium.Env:
    """Makes a game whose observations are the last grey frames.

    Args:
        id: the game, e.g. `ALE/Breakout-v5`.
        frame_skip: frames that each action is held for; the last two are max-pooled against flicker.
        frame_stack: frames in an observation.
        screen_size: height and width of a frame.
        scale: float32 from 0 to 1, as RLlib's networks want; false: uint8 from 0 to 255.
        clip_reward: rewards are clipped to -1 and 1, which makes these whole numbers their signs.
        terminal_on_life_loss: each life is an episode of its own (for training, not for evaluation).
        noop_max: at most so many frames pass before an episode starts.
        repeat_action_probability: chance that the game repeats the last action (Machado et al. 2018: 0.25).
        full_action_space: all 18 actions, not only the game's own.
        max_frames: game frames after which an episode is truncated.
        render_mode: as Gymnasium's.

    Returns:
        An environment with observations of shape (screen_size, screen_size, frame_stack).
    """
    env: gymnasium.Env[Any, Any] = gymnasium.make(
        registered_id(id),
        frameskip=1,
        repeat_action_probability=repeat_action_probability,
        full_action_space=full_action_space,
        max_num_frames_per_episode=max_frames,
        render_mode=render_mode,
        disable_env_checker=True,
    )
    env = AtariPreprocessing(
        env,
        noop_max=noop_max,
        frame_skip=frame_skip,
        screen_size=screen_size,
        terminal_on_life_loss=terminal_on_life_loss,
        scale_obs=scale,
    )
    if clip_reward:
        env = ClipReward(env, -1.0, 1.0)
    return ChannelsLast(FrameStackObservation(env, frame_stack))
