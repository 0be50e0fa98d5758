"""Connectors that turn an observation into what a default network takes."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from ray.rllib.connectors.env_to_module import FlattenObservations
from ray.rllib.connectors.env_to_module.observation_preprocessor import SingleAgentObservationPreprocessor

_UINT8_MAX = 255.0


class FloatObservations(SingleAgentObservationPreprocessor):
    """Integer arrays become float32, which layers need; bytes that span 0 to 255 are scaled to 0 to 1."""

    def recompute_output_observation_space(
        self, input_observation_space: gym.Space, input_action_space: gym.Space
    ) -> gym.Space:
        """The float space of the same shape."""
        shape = input_observation_space.shape
        if not isinstance(input_observation_space, gym.spaces.Box):
            return gym.spaces.Box(0.0, 1.0, shape, np.float32)
        low = input_observation_space.low.astype(np.float32)
        high = input_observation_space.high.astype(np.float32)
        scale = self.scale(input_observation_space)
        return gym.spaces.Box(low * scale, high * scale, shape, np.float32)

    def preprocess(self, observation: Any, episode: Any) -> Any:
        """One observation, of any shape, as float32."""
        return np.asarray(observation, np.float32) * np.float32(self.scale(self.input_observation_space))

    @staticmethod
    def scale(space: gym.Space | None) -> float:
        """What observations of a space are multiplied by: 1/255 for bytes, else 1."""
        is_bytes = isinstance(space, gym.spaces.Box) and space.dtype == np.uint8
        return 1.0 / _UINT8_MAX if is_bytes and bool(np.all(space.high == _UINT8_MAX)) else 1.0  # type: ignore[union-attr]


class JoinPrevious(SingleAgentObservationPreprocessor):
    """The last action (one-hot when Discrete) and the last reward, joined to a vector; zeros at first.

    RLlib's own `PrevActionsPrevRewards` takes Discrete actions alone and fails when only one of the two is
    asked for.
    """

    def __init__(
        self,
        input_observation_space: gym.Space | None = None,
        input_action_space: gym.Space | None = None,
        *,
        action: bool,
        reward: bool,
        **kwargs: Any,
    ) -> None:
        # Set before the parent's constructor, which computes the spaces.
        self.action, self.reward = action, reward
        super().__init__(input_observation_space, input_action_space, action=action, reward=reward, **kwargs)

    def recompute_output_observation_space(
        self, input_observation_space: gym.Space, input_action_space: gym.Space
    ) -> gym.Space:
        """A vector of the observation's length plus the action's and the reward's."""
        length = gym.spaces.flatdim(input_observation_space)
        length += gym.spaces.flatdim(input_action_space) if self.action else 0
        return gym.spaces.Box(-np.inf, np.inf, (length + int(self.reward),), np.float32)

    def preprocess(self, observation: Any, episode: Any) -> Any:
        """The joined vector, float32."""
        parts = [np.asarray(observation, np.float32).ravel()]
        if self.action:
            action = episode.get_actions(-1, fill=0.0, one_hot_discrete=True)
            parts.append(np.asarray(action, np.float32).ravel())
        if self.reward:
            parts.append(np.asarray([episode.get_rewards(-1, fill=0.0)], np.float32))
        return np.concatenate(parts)


def connectors(
    env: Any = None,
    spaces: Any = None,
    device: Any = None,
    *,
    floats: bool = False,
    flatten: bool = False,
    prev_action: bool = False,
    prev_reward: bool = False,
) -> list[Any]:
    """Fresh env-to-module pieces, in order; the first three arguments are RLlib's and are not needed.

    Args:
        env: unused.
        spaces: unused.
        device: unused.
        floats: cast integer arrays.
        flatten: one-hot encode the observation to one vector.
        prev_action: join the last action, one-hot.
        prev_reward: join the last reward.
    """
    pieces: list[Any] = [FloatObservations()] if floats else []
    if flatten:
        pieces.append(FlattenObservations())
    if prev_action or prev_reward:
        pieces.append(JoinPrevious(action=prev_action, reward=prev_reward))
    return pieces
