"""What is known of each algorithm: `table.py` has a row for each, found here by config class."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms import builder_signatures
from rlexp.config.algorithms.algorithm_row import Algorithm, FastParts, Kind, Networks
from rlexp.config.algorithms.builder_signatures import is_rllibs, lineage
from rlexp.config.algorithms.table import ALGORITHMS, ITERATION_STEPS, OTHER_NETWORKS
from rlexp.config.callables.targets import DEFAULT_TRUSTED

__all__ = ["ALGORITHMS", "ITERATION_STEPS", "OTHER_NETWORKS", "Algorithm", "FastParts", "Kind", "Networks"]
__all__ += [
    "algorithm_name",
    "class_name",
    "is_offline",
    "kind_of",
    "networks_of",
    "resolve",
    "row_of",
    "rows_of_class",
]


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


def row_of(algorithm: str | type, trusted: Sequence[str] = DEFAULT_TRUSTED) -> Algorithm | None:
    """The row of `algorithm`; None for one that derives from none in the table.

    Args:
        algorithm: a config class, or what `class_name` takes: its row is then read without importing RLlib.
        trusted: see `class_name`.
    """
    if isinstance(algorithm, str):
        return ALGORITHMS.get(class_name(algorithm, trusted))
    return next(iter(rows_of_class(algorithm)), None)


def rows_of_class(config_class: type) -> list[Algorithm]:
    """The rows of an imported config class and of those that it derives from, the nearest first."""
    named = [(ALGORITHMS.get(each.__name__), each) for each in config_class.__mro__]
    return [row for row, each in named if row is not None and row.is_class(each.__module__, each.__name__)]


def networks_of(algorithm: str | type, trusted: Sequence[str] = DEFAULT_TRUSTED) -> Networks | None:
    """The default networks of `algorithm` (see `row_of`); None where they are not known."""
    row = row_of(algorithm, trusted)
    return row.networks if row is not None else None


def is_offline(algorithm: str | type, trusted: Sequence[str] = DEFAULT_TRUSTED) -> bool:
    """True if `algorithm` (see `row_of`) learns from recorded data and takes no actions in training."""
    row = row_of(algorithm, trusted)
    return row is not None and row.offline


def algorithm_name(algorithm: str | type) -> str:
    """The name people use: `PPO` for `PPOConfig`, or for the path of it."""
    return builder_signatures.algorithm_name(algorithm if isinstance(algorithm, str) else algorithm.__name__)


def resolve(algorithm: str | type) -> type:
    """The config class itself, imported where a path is given, which validation has already trusted."""
    if isinstance(algorithm, type):
        return algorithm
    module, _, name = algorithm.replace(":", ".").rpartition(".")
    return getattr(import_module(module), name)


def kind_of(algorithm: str, trusted: Sequence[str] = DEFAULT_TRUSTED) -> Kind:
    """How `algorithm` (see `class_name`) uses runners."""
    row = row_of(algorithm, trusted)
    return row.kind if row is not None else "on_policy"
