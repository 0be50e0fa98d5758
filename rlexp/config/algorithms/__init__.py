"""What is known of each algorithm: `table.py` has a row for each, found here by config class."""

from __future__ import annotations

from collections.abc import Sequence

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms.algorithm_row import Algorithm, FastParts, Kind
from rlexp.config.algorithms.table import ALGORITHMS, ITERATION_STEPS
from rlexp.config.callables.targets import DEFAULT_TRUSTED
from rlexp.config.keys.builder_signatures import is_rllibs, lineage

__all__ = ["ALGORITHMS", "ITERATION_STEPS", "Algorithm", "FastParts", "Kind"]
__all__ += ["class_name", "kind_of", "row_of", "rows_of_class"]


def class_name(algorithm: str, trusted: Sequence[str] = DEFAULT_TRUSTED) -> str:
    """The name of the config class in the table that `algorithm` is or derives from.

    Args:
        algorithm: import path of a config class (`ray.rllib.algorithms.ppo.PPOConfig`, or a lab's own), or `ppo`.
        trusted: prefixes of modules that may be imported where the source does not tell.

    Returns:
        A class that cannot be found keeps its own name, which is in no table: whoever needs it says so.
    """
    path = algorithm.replace(":", ".")
    module, _, last = path.rpartition(".")
    if not module:
        return next((name for name in ALGORITHMS if _short(name) == _short(last)), last)
    if _is_row(path):
        return last
    try:
        ancestors = lineage(algorithm, trusted)
    except ConfigError:
        return last
    return next(each for each in ancestors if _is_row(each) or is_rllibs(each)).rpartition(".")[2]


def _is_row(path: str) -> bool:
    module, _, name = path.rpartition(".")
    return name in ALGORITHMS and ALGORITHMS[name].is_class(module, name)


def _short(name: str) -> str:
    return name.lower().removesuffix("config")


def row_of(algorithm: str, trusted: Sequence[str] = DEFAULT_TRUSTED) -> Algorithm | None:
    """The row of `algorithm` (see `class_name`); None for one that derives from none in the table."""
    return ALGORITHMS.get(class_name(algorithm, trusted))


def rows_of_class(config_class: type) -> list[Algorithm]:
    """The rows of an imported config class and of those that it derives from, the nearest first."""
    named = [(ALGORITHMS.get(each.__name__), each) for each in config_class.__mro__]
    return [row for row, each in named if row is not None and row.is_class(each.__module__, each.__name__)]


def kind_of(algorithm: str, trusted: Sequence[str] = DEFAULT_TRUSTED) -> Kind:
    """How `algorithm` (see `class_name`) uses runners."""
    row = row_of(algorithm, trusted)
    return row.kind if row is not None else "on_policy"
