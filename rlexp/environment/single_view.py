"""One environment of an implementation that only makes vector environments. It imports Gymnasium."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import tree
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import concatenate, create_empty_array, iterate


class SingleView(gymnasium.Env):
    """A vector environment of one environment, seen as that environment.

    Args:
        vector: of one environment. Its own autoreset never happens: `reset` comes before the step that would.
    """

    def __init__(self, vector: VectorEnv) -> None:
        if vector.num_envs != 1:
            raise ValueError(f"a vector environment of {vector.num_envs} environments is not one environment")
        self.vector = vector
        self.observation_space, self.action_space = (
            vector.single_observation_space,
            vector.single_action_space,
        )
        self.metadata, self.render_mode = vector.metadata, getattr(vector, "render_mode", None)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """As Gymnasium's."""
        observations, infos = self.vector.reset(seed=seed, options=options)
        return self._first(observations), _first_info(infos)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """As Gymnasium's."""
        out = create_empty_array(self.action_space, 1)
        actions = concatenate(self.action_space, [action], out)
        observations, rewards, terminated, truncated, infos = self.vector.step(actions)
        first = self._first(observations)
        return first, float(rewards[0]), bool(terminated[0]), bool(truncated[0]), _first_info(infos)

    def render(self) -> Any:
        """The picture of the one environment, null where there is none."""
        pictures = self.vector.render()
        return None if pictures is None else pictures[0]

    def close(self) -> None:
        """Closes the vector environment."""
        self.vector.close()

    def _first(self, observations: Any) -> Any:
        """The one row, copied: an implementation may return the same buffer at each step."""
        row = next(iter(iterate(self.vector.observation_space, observations)))
        return tree.map_structure(np.copy, row)


def _first_info(infos: dict[str, Any]) -> dict[str, Any]:
    """Row 0 of Gymnasium's dict of arrays, where `_key` masks the rows that have `key`."""
    first: dict[str, Any] = {}
    for key, value in infos.items():
        if key.startswith("_") or not infos.get(f"_{key}", (True,))[0]:
            continue
        if isinstance(value, dict):
            first[key] = _first_info(value)
        else:
            first[key] = value[0] if isinstance(value, (np.ndarray, list, tuple)) else value
    return first
