"""Which algorithm takes which actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import class_name
from rlexp.config.callables.targets import DEFAULT_TRUSTED

if TYPE_CHECKING:
    import gymnasium

POLICY_GRADIENT = ("Discrete", "Box", "MultiDiscrete", "Dict", "Tuple")

ACTION_SPACES: dict[str, tuple[str, ...]] = {
    "ray.rllib.algorithms.ppo.PPOConfig": POLICY_GRADIENT,
    "ray.rllib.algorithms.appo.APPOConfig": POLICY_GRADIENT,
    "ray.rllib.algorithms.impala.IMPALAConfig": POLICY_GRADIENT,
    "ray.rllib.algorithms.bc.BCConfig": POLICY_GRADIENT,
    "ray.rllib.algorithms.marwil.MARWILConfig": POLICY_GRADIENT,
    "ray.rllib.algorithms.dqn.DQNConfig": ("Discrete",),
    "ray.rllib.algorithms.sac.SACConfig": ("Box", "Discrete"),
    "ray.rllib.algorithms.tqc.TQCConfig": ("Box",),
    "ray.rllib.algorithms.cql.CQLConfig": ("Box",),
    "ray.rllib.algorithms.iql.IQLConfig": ("Box",),
    "ray.rllib.algorithms.dreamerv3.DreamerV3Config": ("Discrete", "Box"),
}
"""Names of the `gymnasium.spaces` that each config class takes; one of no such kind may take any."""


OFFLINE = ("bc", "marwil", "cql", "iql")
"""These learn from recorded data, which a run without it does not have."""

_KIN = ("dqn", "sac", "tqc")
"""Off-policy algorithms that sample: one stands in for another."""


def check_action_space(
    config_class: str, space: gymnasium.Space, trusted: Sequence[str] = DEFAULT_TRUSTED
) -> None:
    """Checks that an algorithm can choose such actions.

    Args:
        config_class: import path of the algorithm's config class; one that neither is nor derives from one of the table
            takes any space.
        space: one environment's action space.
        trusted: prefixes of modules that may be imported to find the class.

    Raises:
        ConfigError: it cannot; names both and the algorithms that can.
    """
    known = class_name(config_class, trusted)
    takes = next((spaces for path, spaces in ACTION_SPACES.items() if path.endswith(f".{known}")), None)
    if takes is None:
        return
    problem = _problem(takes, space)
    if problem is None:
        return
    fitting = _instead(known, space)
    name = config_class.rsplit(".", 1)[1].removesuffix("Config")
    raise ConfigError(
        f"algorithm: {name} cannot act in {space}: {problem}",
        key="algorithm",
        suggestions=[f"algorithm={each}" for each in fitting],
        fix=f"algorithm={fitting[0]}"
        if fitting
        else "a wrapper in env.wrappers that turns the actions into Discrete or Box ones",
    )


def _instead(known: str, space: gymnasium.Space) -> list[str]:
    """Algorithms that can act there and learn from the same as one of the class `known`, the nearest kin first."""
    names = {path.rsplit(".", 2)[1]: path for path in ACTION_SPACES}
    mine = next(name for name, path in names.items() if path.endswith(f".{known}"))
    like = [name for name in names if (name in OFFLINE) == (mine in OFFLINE)]
    fitting = [name for name in like if _problem(ACTION_SPACES[names[name]], space) is None]
    return sorted(fitting, key=lambda name: (name in _KIN) != (mine in _KIN))


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
