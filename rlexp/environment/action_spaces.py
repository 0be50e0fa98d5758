"""Which algorithm takes which actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import ALGORITHMS, Algorithm, row_of
from rlexp.config.callables.targets import DEFAULT_TRUSTED

if TYPE_CHECKING:
    import gymnasium


def check_action_space(
    config_class: str, space: gymnasium.Space, trusted: Sequence[str] = DEFAULT_TRUSTED
) -> None:
    """Checks that an algorithm can choose such actions.

    Args:
        config_class: import path of the algorithm's config class; one that neither is nor derives from one in the
            table of algorithms takes any space.
        space: one environment's action space.
        trusted: prefixes of modules that may be imported to find the class.

    Raises:
        ConfigError: it cannot; names both and the algorithms that can.
    """
    row = row_of(config_class, trusted)
    if row is None or row.action_spaces is None:
        return
    problem = _problem(row.action_spaces, space)
    if problem is None:
        return
    fitting = _instead(row, space)
    name = config_class.rsplit(".", 1)[1].removesuffix("Config")
    raise ConfigError(
        f"algorithm: {name} cannot act in {space}: {problem}",
        key="algorithm",
        suggestions=[f"algorithm={each}" for each in fitting],
        fix=f"algorithm={fitting[0]}"
        if fitting
        else "a wrapper in env.wrappers that turns the actions into Discrete or Box ones",
    )


def _instead(row: Algorithm, space: gymnasium.Space) -> list[str]:
    """Algorithms that can act there and learn from the same as the one of `row`, the nearest kin first.

    Off-policy algorithms that sample are one kin: one stands in for another.
    """
    fitting = [
        each
        for each in ALGORITHMS.values()
        if each.offline == row.offline
        and each.action_spaces is not None
        and _problem(each.action_spaces, space) is None
    ]
    kin = row.kind == "off_policy"
    return [each.choice for each in sorted(fitting, key=lambda each: (each.kind == "off_policy") != kin)]


def _problem(takes: tuple[str, ...], space: gymnasium.Space) -> str | None:
    """Why the space does not fit, or None."""
    import numpy as np
    from gymnasium import spaces

    kind = next((name for name in ("Dict", "Tuple") if isinstance(space, getattr(spaces, name))), None)
    if kind is not None and kind in takes:
        inner = space.spaces.values() if kind == "Dict" else space.spaces
        return next((problem for part in inner if (problem := _problem(takes, part))), None)
    if not any(isinstance(space, getattr(spaces, name)) for name in takes):
        return f"it takes {' and '.join(takes)} actions"
    if isinstance(space, spaces.Box) and not np.issubdtype(space.dtype, np.floating):
        return "Box actions must be floating-point numbers; whole numbers are MultiDiscrete"
    return None
