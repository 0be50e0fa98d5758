"""A level for each sub-environment, one up after a success and one down after a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlexp.base.errors import ConfigError
from rlexp.curriculum.teachers.parts.teacher_arguments import KEY, reachable
from rlexp.environment.tasks.dimension import Choice, Dimension, Integer
from rlexp.environment.tasks.directive import Directive, Draw
from rlexp.environment.tasks.outcome import Outcome, TrainingProgress, measured
from rlexp.environment.tasks.sampler import Sampler, samplers
from rlexp.environment.tasks.space import TaskSpace

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class EnvLevels:
    """The level of each sub-environment; the other parameters are drawn. Draws are tagged by the slot's moves.

    Attributes:
        space: the tasks.
        parameter: that has levels.
        samplers: of other parameters; those left out are uniform.
        levels: [S] of the slots; slots beyond have level 0.
        moves: [S] how often each has changed.
    """

    space: TaskSpace
    parameter: str
    samplers: Mapping[str, Sampler]
    levels: Integers
    moves: Integers

    def sample(self, rng: np.random.Generator, env_index: int) -> Draw:
        """One task."""
        known = env_index < len(self.levels)
        level, moves = (int(self.levels[env_index]), int(self.moves[env_index])) if known else (0, 0)
        drawn = {
            name: value_at(dim, level) if name == self.parameter else self.samplers.get(name, dim).sample(rng)
            for name, dim in self.space.dims.items()
        }
        return Draw(self.space.task(drawn), moves)


class Ladder:
    """Moves each sub-environment over the levels of one parameter by its own episodes.

    An episode that scores `threshold` or more takes its sub-environment up by one level, any other takes it down by
    one, within the parameter's values. Levels rise with whole numbers; those of a `choice` are in the order in which it
    lists them. An episode counts only if its sub-environment has not moved since the draw, so each moves at most one
    level an iteration; a score that is NaN does not count.

    Source: the terrain curriculum of Rudin et al. 2022, "Learning to walk in minutes using massively parallel deep
    reinforcement learning", section 3, without its jump to a random level from the top.

    Args:
        space: the tasks.
        seed: not used: env runners draw.
        parameter: that has levels; None takes the only one that can have.
        threshold: score of a success.
        demote: whether failures take a level; false: promotion only.
        sample: values or samplers of other parameters, see `rlexp.environment.tasks.sampler`; others are uniform.
        measure: what the score is, `curriculum.measure`, so that scores it can never reach are refused.

    Raises:
        ConfigError: an argument does not fit, or it is not clear which parameter is meant.
    """

    def __init__(
        self,
        space: TaskSpace,
        *,
        seed: int,
        parameter: str | None = None,
        threshold: float = 0.8,
        demote: bool = True,
        sample: Mapping[str, Any] | None = None,
        measure: str | None = None,
    ) -> None:
        self._space = space
        self._parameter = _parameter(space, parameter)
        self._top = (space.dims[self._parameter].size or 1) - 1
        self._threshold = reachable("threshold", threshold, 0.8, measure)
        if not isinstance(demote, bool):
            key = f"{KEY}.demote"
            raise ConfigError(f"{key} must be true or false, not {demote!r}", key=key, fix=f"{key}=true")
        self._down = -1 if demote else 0
        self._samplers = samplers(space, sample, f"{KEY}.sample") if sample else {}
        if self._parameter in self._samplers:
            key = f"{KEY}.sample.{self._parameter}"
            raise ConfigError(f"{key}: this is the parameter that has levels", key=key)
        self._levels, self._moves = np.zeros(0, np.int64), np.zeros(0, np.int64)

    @property
    def complete(self) -> bool:
        """Whether every sub-environment that has finished an episode is at the top."""
        return bool(len(self._levels)) and bool((self._levels == self._top).all())

    def directive(self) -> Directive:
        """The levels by slot."""
        return EnvLevels(
            self._space, self._parameter, self._samplers, self._levels.copy(), self._moves.copy()
        )

    def update(self, outcomes: Sequence[Outcome], progress: TrainingProgress) -> bool:
        """Moves sub-environments; whether one moved."""
        ours = [outcome for outcome in measured(outcomes) if isinstance(outcome.tag, int)]
        env_indices = np.array([outcome.env_index for outcome in ours], np.int64)
        self._grow(int(env_indices.max(initial=-1)) + 1)
        up = np.array([outcome.score for outcome in ours], np.float64) >= self._threshold
        now = self._levels[env_indices]
        to = np.clip(now + np.where(up, 1, self._down), 0, self._top)
        current = np.array([outcome.tag for outcome in ours], np.int64) == self._moves[env_indices]
        moving = np.flatnonzero(current & (to != now))
        moved, first = np.unique(env_indices[moving], return_index=True)
        self._levels[moved] = to[moving[first]]
        self._moves[moved] += 1
        return bool(len(moved))

    def _grow(self, count: int) -> None:
        missing = max(0, count - len(self._levels))
        self._levels, self._moves = (np.pad(x, (0, missing)) for x in (self._levels, self._moves))

    def metrics(self) -> dict[str, float]:
        """Mean, lowest and highest level, from 0, and the share of sub-environments at the top."""
        levels = self._levels if len(self._levels) else np.zeros(1, np.int64)
        return {
            "level_mean": float(levels.mean()),
            "level_min": float(levels.min()),
            "level_max": float(levels.max()),
            "top": float((levels == self._top).mean()),
        }

    def state_dict(self) -> dict[str, Any]:
        """The levels and how often they moved."""
        return {"levels": self._levels.copy(), "moves": self._moves.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from those levels; where the parameter has fewer now, from its highest."""
        self._levels = np.minimum(np.array(state["levels"], np.int64), self._top)
        self._moves = np.array(state["moves"], np.int64)


def value_at(dim: Dimension, level: int) -> Any:
    """The value of a parameter at a level."""
    if isinstance(dim, Choice):
        return dim.options[level]
    assert isinstance(dim, Integer)
    return dim.low + level


def _parameter(space: TaskSpace, name: str | None) -> str:
    key = f"{KEY}.parameter"
    stepped = [one for one, dim in space.dims.items() if isinstance(dim, (Choice, Integer)) and dim.size > 1]
    if name is None and len(stepped) == 1:
        return stepped[0]
    if name is None:
        several = f": name one of {', '.join(stepped)}" if stepped else ", and none of the space has"
        fix = f"{key}={stepped[0]}" if stepped else "curriculum.tasks={level: {int: [1, 4]}}"
        raise ConfigError(
            f"{key}: a ladder needs a parameter of whole or listed values{several}", key=key, fix=fix
        )
    space.check_names([name], key)
    if name not in stepped:
        raise ConfigError(f"{key}: {name} has no levels, it is {space.dims[name]}", key=key)
    return name
