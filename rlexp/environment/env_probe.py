"""What a probe has found of an environment, and whether an observation lies in its space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.config.schema import EnvChoice
from rlexp.environment.construct import env_name
from rlexp.environment.errors import RIGHT_SPACE, describe

if TYPE_CHECKING:
    import gymnasium

STEPS = 32


@dataclass(frozen=True)
class EnvProbe:
    """What an environment is like.

    Attributes:
        observation_space: of one environment, after its wrappers.
        action_space: likewise.
        step_seconds: mean seconds of a step with random actions, resets left out; None when none succeeded.
        agents: of an environment with several, whose spaces are then those of each; else none.
        notices: harmless oddities, a line each.
    """

    observation_space: gymnasium.Space
    action_space: gymnasium.Space
    step_seconds: float | None
    agents: tuple[Any, ...] = ()
    notices: tuple[str, ...] = ()


def budget_s(failed: bool) -> float:
    """Seconds that the steps may take; more after one that failed, since whether all fail is worth knowing."""
    return 2.0 if failed else 0.2


def check_observation(choice: EnvChoice, space: gymnasium.Space, observation: Any, source: str) -> None:
    """Raises ConfigError when what `source` (reset or step) returned is not in its space."""
    try:
        problem = _misfit(space, observation, "obs", choice.check)
    except Exception as error:
        problem = f"obs cannot be compared with it: {describe(error)}"
    if problem is not None:
        raise ConfigError(
            f"env: {env_name(choice)}: what {source} returned is not in its observation_space: {problem}",
            key="env",
            fix=("env.check=off, which takes it as it is, or " if " between " in problem else "")
            + RIGHT_SPACE,
        )


def _misfit(space: gymnasium.Space, value: Any, path: str, check: str) -> str | None:
    """The first part of `value` that is not in `space`, in words; None when all is well.

    A Box may be given as another floating-point type or a list: it is cast when environments are vectorised.
    """
    import numpy as np
    from gymnasium import spaces

    from rlexp.environment.guards.form import tolerance

    if isinstance(space, spaces.Dict):
        if not isinstance(value, dict) or set(value) != set(space.spaces):
            found = list(value) if isinstance(value, dict) else type(value).__name__
            return f"{path} has {found}, not {list(space)}"
        return next(
            (bad for k, inner in space.items() if (bad := _misfit(inner, value[k], f"{path}[{k!r}]", check))),
            None,
        )
    if isinstance(space, spaces.Tuple):
        if not isinstance(value, (tuple, list)) or len(value) != len(space.spaces):
            return f"{path} is not a tuple of {len(space.spaces)}"
        parts = enumerate(space.spaces)
        return next(
            (bad for i, inner in parts if (bad := _misfit(inner, value[i], f"{path}[{i}]", check))), None
        )
    if not isinstance(space, spaces.Box):
        return None if space.contains(value) else f"{path} is {value!r}, not in {space}"
    array = np.asarray(value)
    if array.shape != space.shape:
        return f"{path} has shape {array.shape}, not {space.shape}"
    if not np.can_cast(array.dtype, space.dtype, casting="same_kind"):
        return f"{path} has type {array.dtype}, not {space.dtype}"
    if check == "off":
        return None
    floating = np.issubdtype(space.dtype, np.floating)
    slack = tolerance(space) if check == "warn" and floating else 0
    outside = np.argwhere((array < space.low - slack) | (array > space.high + slack))
    if len(outside) == 0:
        return None
    where = tuple(int(i) for i in outside[0])
    low, high = space.low[where], space.high[where]
    return f"{path}{list(where)} is {array[where]}, not between {low} and {high}"
