"""Wrappers that Gymnasium does not have in a form a YAML can name.

Gymnasium's own go by their import paths, e.g. `{_target_: gymnasium.wrappers.RescaleObservation, min_obs: -1,
max_obs: 1}`, `gymnasium.wrappers.ClipReward` or `gymnasium.wrappers.FlattenObservation`.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class ScaleReward(gymnasium.RewardWrapper):
    """Multiplies every reward.

    Args:
        env: the environment.
        scale: the factor.
    """

    def __init__(self, env: gymnasium.Env, scale: float) -> None:
        super().__init__(env)
        self.scale = scale

    def reward(self, reward: Any) -> float:
        """The reward times `scale`."""
        return float(reward) * self.scale


class WeightedReward(gymnasium.Wrapper):
    """Makes one reward of several objectives' rewards: their weighted sum.

    Args:
        env: an environment whose reward is an array.
        weights: one for each objective.
    """

    def __init__(self, env: gymnasium.Env, weights: list[float]) -> None:
        super().__init__(env)
        self.weights = np.asarray(weights, np.float64)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """As the environment's, with one reward.

        Raises:
            ValueError: there is another number of rewards than of weights.
        """
        observation, rewards, terminated, truncated, info = self.env.step(action)
        if np.shape(rewards) != self.weights.shape:
            raise ValueError(f"{np.size(rewards)} rewards and {len(self.weights)} weights")
        return observation, float(self.weights @ np.asarray(rewards)), terminated, truncated, info


class OldGym(gymnasium.Wrapper):
    """Makes an environment of old Gym's API one of Gymnasium's.

    Its `reset` may take no seed and return the observation alone; its `step` may return four values, with
    `TimeLimit.truncated` in the info. A seed goes to its `seed` method, if it has one.

    Args:
        env: the environment; its own methods are replaced, so that Gymnasium's wrappers around it fit as well.
    """

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        own: Any = env.unwrapped
        reset, step, seeds = own.reset, own.step, getattr(own, "seed", None)

        def new_reset(*, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
            if seed is not None and callable(seeds):
                seeds(seed)
            result = reset()
            is_new = isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)
            return result if is_new else (result, {})

        def new_step(action: Any) -> Any:
            result = step(action)
            if len(result) != 4:
                return result
            observation, reward, done, info = result
            late = bool(done and info.get("TimeLimit.truncated", False))
            return observation, reward, bool(done) and not late, late, info

        own.reset, own.step = new_reset, new_step


class RepeatAction(gymnasium.Wrapper):
    """Does each action several times, and adds the rewards up; an episode's end cuts the repeats short.

    Args:
        env: the environment.
        times: how often, at least 1.
    """

    def __init__(self, env: gymnasium.Env, times: int) -> None:
        super().__init__(env)
        if times < 1:
            raise ValueError(f"times must be at least 1, not {times}")
        self.times = times

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """The last observation, with the sum of the rewards."""
        total = 0.0
        for _ in range(self.times):
            observation, reward, terminated, truncated, info = self.env.step(action)
            total += float(reward)
            if terminated or truncated:
                break
        return observation, total, terminated, truncated, info


class OneHotObservation(gymnasium.ObservationWrapper):
    """Turns a discrete observation into a float32 vector that is 1 at its index and 0 elsewhere.

    Args:
        env: an environment whose observation space is `Discrete(n)`; the new one is a `Box` of shape (n,).
    """

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        if not isinstance(env.observation_space, spaces.Discrete):
            raise ValueError(f"the observation space must be Discrete, not {env.observation_space}")
        self._start = int(env.observation_space.start)
        self._rows = np.eye(int(env.observation_space.n), dtype=np.float32)
        self.observation_space = spaces.Box(0.0, 1.0, (len(self._rows),), np.float32)

    def observation(self, observation: Any) -> np.ndarray:
        """The row of `observation`."""
        return self._rows[int(observation) - self._start].copy()


class PartOfObservation(gymnasium.ObservationWrapper):
    """Keeps one part of a Dict or Tuple observation, and leaves out the others.

    Args:
        env: the environment.
        key: the part's name, or its place in a Tuple.
    """

    def __init__(self, env: gymnasium.Env, key: Any) -> None:
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, (spaces.Dict, spaces.Tuple)):
            raise ValueError(f"the observation space must be a Dict or a Tuple, not {space}")
        names = list(space.spaces) if isinstance(space, spaces.Dict) else list(range(len(space.spaces)))
        if key not in names:
            raise ValueError(f"key must be one of {', '.join(map(str, names))}, not {key!r}")
        self.key = key
        self.observation_space = space[key]

    def observation(self, observation: Any) -> Any:
        """That part of it."""
        return observation[self.key]


class ChannelsLast(gymnasium.ObservationWrapper):
    """Moves an image's channels from the first place to the last: height, width, channels.

    Args:
        env: an environment whose observation space is a `Box` of three dimensions.
    """

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        space = env.observation_space
        if not isinstance(space, spaces.Box) or len(space.shape) != 3 or space.dtype is None:
            raise ValueError(f"the observation space must be a Box of three dimensions, not {space}")
        low, high = (np.moveaxis(bound, 0, -1) for bound in (space.low, space.high))
        self.observation_space = spaces.Box(low, high, dtype=space.dtype.type)

    def observation(self, observation: Any) -> np.ndarray:
        """A view of the image with its channels last."""
        return np.moveaxis(observation, 0, -1)


class LastAction(gymnasium.Wrapper):
    """Ends a vector observation with the last action, one-hot; zeros after a reset.

    The least memory there is: where the same view asks for one turn or the other, a policy without it that
    takes its likeliest action can turn to and fro for ever.

    Args:
        env: an environment with a flat `Box` of floats and `Discrete` actions.
    """

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        space, actions = env.observation_space, env.action_space
        if not isinstance(space, spaces.Box) or len(space.shape) != 1 or space.dtype is None:
            raise ValueError(f"the observation space must be a flat Box, not {space}")
        if not isinstance(actions, spaces.Discrete):
            raise ValueError(f"the action space must be Discrete, not {actions}")
        self._start = int(actions.start)
        self._rows = np.eye(int(actions.n), dtype=space.dtype)
        low, high = np.zeros_like(self._rows[0]), np.ones_like(self._rows[0])
        self.observation_space = spaces.Box(
            np.concatenate([space.low, low]), np.concatenate([space.high, high]), dtype=space.dtype.type
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """The first observation, and no action."""
        observation, info = self.env.reset(seed=seed, options=options)
        return np.concatenate([observation, np.zeros_like(self._rows[0])]), info

    def step(self, action: Any) -> tuple[np.ndarray, Any, bool, bool, dict[str, Any]]:
        """The observation and the action that led to it."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        row = self._rows[int(action) - self._start]
        return np.concatenate([observation, row]), reward, terminated, truncated, info
