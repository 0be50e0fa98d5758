"""From the module's actions to the environment's: RLlib's module-to-env pieces on arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from ray.rllib.connectors.module_to_env import (
    GetActions,
    ListifyDataForVectorEnv,
    NormalizeAndClipActions,
    RemoveSingleTsTimeRankFromBatch,
    TensorToNumpy,
    UnBatchToIndividualItems,
)

Array = NDArray[Any]
_PLUMBING = (
    GetActions,
    ListifyDataForVectorEnv,
    RemoveSingleTsTimeRankFromBatch,
    TensorToNumpy,
    UnBatchToIndividualItems,
)


def env_actions(pipeline: Any, space: gym.Space) -> Callable[[Array], Array]:
    """What `pipeline` does to [N, ...] actions of `space` before the environments get them.

    Raises:
        NotImplementedError: a piece, or the space, has no vectorised form; the message names it.
    """
    if isinstance(space, (gym.spaces.Dict, gym.spaces.Tuple)):
        raise NotImplementedError(f"{type(space).__name__} action spaces are sampled part by part")
    change: Callable[[Array], Array] = _as_they_are
    for piece in pipeline.connectors:
        if type(piece) is NormalizeAndClipActions:
            change = _normalize_or_clip(piece, space)
        elif type(piece) not in _PLUMBING:
            raise NotImplementedError(f"the connector {type(piece).__name__} works on single actions")
    return change


def _as_they_are(actions: Array) -> Array:
    return actions


def _normalize_or_clip(piece: NormalizeAndClipActions, space: gym.Space) -> Callable[[Array], Array]:
    if not isinstance(space, gym.spaces.Box):
        return _as_they_are
    low, high = space.low, space.high
    if not piece.normalize_actions:
        return (lambda actions: _clipped(actions, low, high)) if piece.clip_actions else _as_they_are
    if not (space.is_bounded("both")):
        return _as_they_are
    if np.issubdtype(space.dtype, np.integer):
        return lambda actions: low + actions
    half = (high - low) / 2.0
    return lambda actions: _clipped(low + (actions + 1.0) * half, low, high)


def _clipped(values: Array, low: Array, high: Array) -> Array:
    """`np.clip`, of which the checks take longer than the work."""
    return np.minimum(np.maximum(values, low), high)
