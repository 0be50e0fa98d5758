"""One environment of an implementation that only makes vector environments. It imports Gymnasium."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import tree
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import concatenate, create_empty_array, iterate

from rlexp.environment.guards.vector_infos import info_of
from rlexp.environment.tasks.vector_task_env import task_setter, why_no_tasks


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
        if (setter := task_setter(vector)) is not None and why_no_tasks(vector) is None:
            # Not a method, so that one sees whether it takes tasks.
            self.set_task = lambda task: setter(task, 0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """As Gymnasium's."""
        observations, infos = self.vector.reset(seed=seed, options=options)
        return self._first(observations), info_of(infos, 0)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """As Gymnasium's."""
        out = create_empty_array(self.action_space, 1)
        actions = concatenate(self.action_space, [action], out)
        observations, rewards, terminated, truncated, infos = self.vector.step(actions)
        first = self._first(observations)
        return first, float(rewards[0]), bool(terminated[0]), bool(truncated[0]), info_of(infos, 0)

    def render(self) -> Any:
        """The picture of the one environment, None where there is none."""
        pictures = self.vector.render()
        return None if pictures is None else pictures[0]

    def close(self) -> None:
        """Closes the vector environment."""
        self.vector.close()

    def _first(self, observations: Any) -> Any:
        """The one row, copied: an implementation may return the same buffer at each step."""
        row = next(iter(iterate(self.vector.observation_space, observations)))
        return tree.map_structure(np.copy, row)
