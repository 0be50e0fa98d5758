"""Checks of a teacher's arguments, and arguments that one teacher takes as another does."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.environment.tasks.dimension import is_number
from rlexp.environment.tasks.episode_measure import KEY as MEASURE
from rlexp.environment.tasks.episode_measure import range_of

KEY = "curriculum.teacher"


def number(name: str, value: Any, default: float, low: float = -math.inf, high: float = math.inf) -> float:
    """`value` as a float from `low` to `high`.

    Raises:
        ConfigError: it is no finite number, or lies outside; `default` is what to write instead.
    """
    key = f"{KEY}.{name}"
    if not is_number(value):
        raise ConfigError(f"{key} must be a number, not {value!r}", key=key, fix=f"{key}={default:g}")
    if not low <= value <= high:
        bounds = f"at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
        raise ConfigError(f"{key} must be {bounds}, not {value:g}", key=key, fix=f"{key}={default:g}")
    return float(value)


def reachable(name: str, value: Any, default: float, measure: str | None) -> float:
    """`value` as a float that a score can have.

    Args:
        name: of the argument.
        value: of the argument.
        default: what to write instead.
        measure: what the score is; None where nobody says, and then any number will do.

    Raises:
        ConfigError: it is no finite number, or `curriculum.measure` can never be that.
    """
    score = number(name, value, default)
    low, high = range_of(measure) if measure is not None else (-math.inf, math.inf)
    if low <= score <= high:
        return score
    what = f"at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
    key = f"{KEY}.{name}"
    raise ConfigError(
        f"{key} is {score:g}, which no score can be: {MEASURE}={measure} is {what}",
        key=key,
        fix=f"{key}={default:g}, or {MEASURE}=return",
    )


def positive(name: str, value: Any, default: float, high: float = math.inf) -> float:
    """`value` as a float above 0 and up to `high`.

    Raises:
        ConfigError: it is not.
    """
    if number(name, value, default, high=high) <= 0:
        key = f"{KEY}.{name}"
        raise ConfigError(f"{key} must be above 0, not {value:g}", key=key, fix=f"{key}={default:g}")
    return float(value)


def integer(name: str, value: Any, default: int, low: int = 1) -> int:
    """`value` as a whole number of at least `low`.

    Raises:
        ConfigError: it is not.
    """
    if number(name, value, default, low) != int(value):
        key = f"{KEY}.{name}"
        raise ConfigError(f"{key} must be a whole number, not {value:g}", key=key, fix=f"{key}={default}")
    return int(value)


def check_keys(key: str, given: Iterable[Any], names: Sequence[str]) -> None:
    """Checks the keys of a mapping that stands at `key`.

    Raises:
        ConfigError: one is not among `names`.
    """
    for name in given:
        if name not in names:
            raise ConfigError(
                f"{key} knows no {name}; it knows {', '.join(names)}",
                key=f"{key}.{name}",
                suggestions=nearest(str(name), names),
            )


Init = TypeVar("Init", bound=Callable[..., None])


def passes_on(base: Callable[..., None]) -> Callable[[Init], Init]:
    """For an `__init__` that hands its `**kwargs` to `base`: its signature lists them, with their defaults.

    So a misspelt argument is found before the call, as for a signature that is written out.
    """

    def listed(init: Init) -> Init:
        own = inspect.signature(init)
        named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
        more = [
            p
            for p in inspect.signature(base).parameters.values()
            if p.kind is p.KEYWORD_ONLY and p.name not in own.parameters
        ]
        init.__signature__ = own.replace(parameters=[*named, *more])  # type: ignore[attr-defined]
        return init

    return listed
