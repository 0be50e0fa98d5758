"""Whether an observation is one that a policy can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import gymnasium as gym


def fitting(observation: Any, space: gym.Space, name: str = "the observation") -> Any:
    """The observation, arrays in the space's dtype.

    Bounds are not checked: environments overstep their own by a rounding error.

    Args:
        observation: an element of `space`; a list may stand for an array.
        space: what the policy was trained on.
        name: what to call it in the error.

    Raises:
        ValueError: it has another shape or kind.
    """
    import numpy as np
    from gymnasium import spaces

    if isinstance(space, spaces.Box):
        if np.shape(observation) != space.shape:
            raise ValueError(
                f"{name} has shape {np.shape(observation)}, the policy takes {space.shape}{_HINT}"
            )
        return np.asarray(observation, dtype=space.dtype)
    if isinstance(space, spaces.Dict):
        if not isinstance(observation, Mapping) or observation.keys() != space.spaces.keys():
            raise ValueError(f"{name} is {observation!r}, the policy takes a dict of {list(space)}{_HINT}")
        return {key: fitting(observation[key], space[key], f"{name}[{key!r}]") for key in space}
    if not space.contains(observation):
        raise ValueError(f"{name} is {observation!r}, the policy takes an element of {space}{_HINT}")
    return observation


_HINT = " (it acts in the run's environment with its wrappers: rlexp.make_env(PATH) makes that)"
