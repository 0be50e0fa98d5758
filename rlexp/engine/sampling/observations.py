"""Observations of all sub-environments at once to what the module sees: RLlib's env-to-module pieces, vectorised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import tree
from numpy.typing import NDArray
from ray.rllib.connectors.common.flatten_observations import FlattenObservations
from ray.rllib.connectors.env_to_module import (
    AddObservationsFromEpisodesToBatch,
    AddStatesFromEpisodesToBatch,
    AddTimeDimToBatchAndZeroPad,
    BatchIndividualItems,
    NumpyToTensor,
)

from rlexp.engine.curriculum_connector import CurriculumConnector
from rlexp.models.observation_connectors import FloatObservations, JoinPrevious
from rlexp.models.observation_filter import ObservationFilter

Array = NDArray[Any]
Step = Callable[[Any, "PreviousStep"], Any]

_PLUMBING = (
    CurriculumConnector,
    AddObservationsFromEpisodesToBatch,
    AddStatesFromEpisodesToBatch,
    AddTimeDimToBatchAndZeroPad,
    BatchIndividualItems,
    NumpyToTensor,
)
"""Pieces that leave observations as they are: RLlib's own move data from episodes to a batch; arrays need none."""


class PreviousStep:
    """What led to the observations: [N, ...] actions and [N] rewards; zeros where an episode begins."""

    __slots__ = ("actions", "began", "rewards")

    def __init__(self, actions: Array | None, rewards: Array | None, began: Array) -> None:
        self.actions, self.rewards, self.began = actions, rewards, began


class ObservationPipeline:
    """A pipeline of env-to-module pieces on arrays.

    Raises:
        NotImplementedError: one of the pieces has no vectorised form; the message names it.
    """

    def __init__(self, pipeline: Any) -> None:
        self._steps: list[Step] = []
        for piece in pipeline.connectors:
            if type(piece) not in _PLUMBING:
                self._steps.append(vectorised(piece))

    def __call__(self, observations: Any, previous: PreviousStep) -> Any:
        """[N, ...] in the environment's form to [N, ...] in the module's; float64 becomes float32."""
        for step in self._steps:
            observations = step(observations, previous)
        return (
            tree.map_structure(_single, observations)
            if isinstance(observations, (dict, tuple))
            else _single(observations)
        )


def _single(leaf: Array) -> Array:
    return leaf.astype(np.float32) if leaf.dtype == np.float64 else leaf


def vectorised(piece: Any) -> Step:
    """The vectorised form of an env-to-module piece.

    Raises:
        NotImplementedError: there is none.
    """
    if type(piece) is ObservationFilter:
        return lambda observations, previous: piece.normalised(observations)
    if type(piece) is FloatObservations:
        return _floats(piece)
    if type(piece) is JoinPrevious:
        return _join_previous(piece)
    if type(piece) is FlattenObservations and _flattens_plainly(piece):
        return _flatten(piece.input_observation_space)
    raise NotImplementedError(f"the connector {type(piece).__name__} works on single episodes")


def _floats(piece: FloatObservations) -> Step:
    scale = np.float32(piece.scale(piece.input_observation_space))
    if scale == 1.0:
        return lambda observations, previous: observations.astype(np.float32)
    return lambda observations, previous: np.multiply(observations, scale, dtype=np.float32)


def _join_previous(piece: JoinPrevious) -> Step:
    one_hot = _flat(piece.input_action_space)
    width = gym.spaces.flatdim(piece.input_action_space)

    def join(observations: Any, previous: PreviousStep) -> Array:
        rows = len(previous.began)
        parts = [np.asarray(observations, np.float32).reshape(rows, -1)]
        fresh = previous.began[:, None]
        if piece.action:
            none = previous.actions is None
            actions = np.zeros((rows, width), np.float32) if none else one_hot(previous.actions)
            parts.append(np.where(fresh, np.float32(0.0), actions))
        if piece.reward:
            zeros = np.zeros((rows, 1), np.float32)
            rewards = zeros if previous.rewards is None else previous.rewards.astype(np.float32)[:, None]
            parts.append(np.where(fresh, np.float32(0.0), rewards))
        return np.concatenate(parts, axis=1)

    return join


def _flattens_plainly(piece: FlattenObservations) -> bool:
    return not (piece._multi_agent or piece._keys_to_remove)


def _flatten(space: gym.Space) -> Step:
    flat = _flat(space)
    return lambda observations, previous: flat(observations)


def _flat(space: gym.Space) -> Callable[[Any], Array]:
    """[N, ...] of `space` to [N, K] float32, as `gymnasium.spaces.flatten` of each row: discrete parts one-hot."""
    if isinstance(space, gym.spaces.Box):
        return lambda values: np.asarray(values, np.float32).reshape(len(values), -1)
    if isinstance(space, gym.spaces.Discrete):
        _starts_at_zero(space)
        table = np.eye(int(space.n), dtype=np.float32)
        return lambda values: table[np.asarray(values, np.int64)]
    if isinstance(space, gym.spaces.MultiDiscrete):
        return _flat_multi_discrete(space)
    if isinstance(space, gym.spaces.MultiBinary):
        return lambda values: np.asarray(values, np.float32).reshape(len(values), -1)
    if isinstance(space, gym.spaces.Dict):
        parts = {name: _flat(inner) for name, inner in space.spaces.items()}
        return lambda values: np.concatenate([f(values[name]) for name, f in parts.items()], axis=1)
    if isinstance(space, gym.spaces.Tuple):
        inner_parts = [_flat(inner) for inner in space.spaces]
        return lambda values: np.concatenate(
            [f(value) for f, value in zip(inner_parts, values, strict=True)], axis=1
        )
    raise NotImplementedError(f"no vectorised form of {type(space).__name__} spaces")


def _flat_multi_discrete(space: gym.spaces.MultiDiscrete) -> Callable[[Any], Array]:
    _starts_at_zero(space)
    tables = [np.eye(int(n), dtype=np.float32) for n in space.nvec.ravel()]

    def flat(values: Any) -> Array:
        columns = np.asarray(values, np.int64).reshape(len(values), -1)
        return np.concatenate([table[columns[:, i]] for i, table in enumerate(tables)], axis=1)

    return flat


def _starts_at_zero(space: Any) -> None:
    if np.any(space.start):
        raise NotImplementedError(f"no vectorised form of {space}, which does not start at 0")
