"""Any MiniGrid environment (Chevalier-Boisvert et al. 2023), with a view that a plain network can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import minigrid
import numpy as np
from gymnasium import spaces
from minigrid.core.actions import Actions
from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX, STATE_TO_IDX

from envs.minigrid_view import quicken
from envs.registered_id import registered_id

gymnasium.register_envs(minigrid)

CHANNELS = len(OBJECT_TO_IDX) + len(COLOR_TO_IDX) + len(STATE_TO_IDX)
"""What a seen cell becomes: its object, its colour and its state, each one-hot."""

DIRECTIONS = 4


class EgocentricView(gymnasium.ObservationWrapper):
    """The agent's own view of the cells before it, one-hot; MiniGrid's indices as numbers would mean nothing.

    The mission's text is left out, so environments whose goal only the text tells cannot be solved with it.

    Args:
        env: a MiniGrid environment with its usual dict of image, direction and mission.
        flat: a float32 vector of size * size * 20 numbers and, with `direction`, 4 more; false: float32 of
            shape (size, size, 20), for convolutions.
        direction: whether the vector ends with the compass direction, one-hot.
    """

    def __init__(self, env: gymnasium.Env, flat: bool = True, direction: bool = True) -> None:
        super().__init__(env)
        if direction and not flat:
            raise ValueError("direction needs flat: a picture has no place for it; set direction=false")
        assert isinstance(env.observation_space, spaces.Dict)
        size, _, _ = env.observation_space["image"].shape or (0, 0, 0)
        quicken(env.unwrapped)
        self._direction, self._cells = direction, size * size
        one_hot = [0, len(OBJECT_TO_IDX), len(OBJECT_TO_IDX) + len(COLOR_TO_IDX)]
        self._places = (np.arange(size * size)[:, None] * CHANNELS + one_hot).ravel()
        shape = (self._cells * CHANNELS + DIRECTIONS * direction,) if flat else (size, size, CHANNELS)
        self.observation_space = spaces.Box(0.0, 1.0, shape, np.float32)

    def observation(self, observation: dict[str, Any]) -> np.ndarray:
        """The image, encoded, and the direction where it is wanted."""
        view = np.zeros(self.observation_space.shape, np.float32)
        view.reshape(-1)[self._places + observation["image"].ravel()] = 1.0
        if self._direction:
            view[self._cells * CHANNELS + int(observation["direction"])] = 1.0
        return view


class ActionSubset(gymnasium.ActionWrapper):
    """Offers only some of MiniGrid's actions.

    Args:
        env: a MiniGrid environment.
        actions: names among left, right, forward, pickup, drop, toggle and done, in their new order.
    """

    def __init__(self, env: gymnasium.Env, actions: Sequence[str]) -> None:
        super().__init__(env)
        unknown = [name for name in actions if name not in Actions.__members__]
        if unknown or not actions:
            raise ValueError(f"actions must be some of {', '.join(Actions.__members__)}, not {list(actions)}")
        self._actions = [Actions[name] for name in actions]
        self.action_space = spaces.Discrete(len(self._actions))

    def action(self, action: Any) -> Any:
        """MiniGrid's own number of the action."""
        return self._actions[int(action)]


class ReportSuccess(gymnasium.Wrapper):
    """Adds `info["success"]` to the last step of each episode: whether it ended with a reward."""

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """As the environment's."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if terminated or truncated:
            info = {**info, "success": bool(terminated and float(reward) > 0.0)}
        return observation, reward, terminated, truncated, info


def minigrid_env(
    id: str = "MiniGrid-DoorKey-5x5-v0",
    flat: bool = True,
    direction: bool = True,
    actions: Sequence[str] | None = None,
    **settings: Any,
) -> gymnasium.Env:
    """Makes a MiniGrid environment.

    Args:
        id: e.g. `MiniGrid-Empty-5x5-v0`, or a BabyAI id.
        flat: see `EgocentricView`.
        direction: see `EgocentricView`.
        actions: see `ActionSubset`; None means all seven.
        **settings: arguments of the environment itself, such as `max_steps` or `agent_view_size`.

    Returns:
        An environment with float32 observations from 0 to 1 and discrete actions.
    """
    env: gymnasium.Env[Any, Any] = gymnasium.make(registered_id(id), disable_env_checker=True, **settings)
    env = EgocentricView(ReportSuccess(env), flat=flat, direction=direction)
    return env if actions is None else ActionSubset(env, actions)
