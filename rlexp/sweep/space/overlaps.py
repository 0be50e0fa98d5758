"""Keys that a sweep's command line names more than once: merged as a single run does, or refused."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override


def without_named(space: Mapping[str, Any], overrides: Sequence[str]) -> list[str]:
    """The overrides of a file's `sweep.space`, but for keys that the command line names: it has the last word."""
    named = {text.lstrip("+~").partition("=")[0] for text in overrides}
    return [f"{key}={value}" for key, value in space.items() if key.lstrip("+") not in named]


def refuse_overlaps(overrides: Sequence[Override]) -> None:
    """Refuses one value of a key after several of it, or of a part of it: the several would not be tried.

    Args:
        overrides: all of the sweep's, in the order of the command line.

    Raises:
        ConfigError: naming both.
    """
    for first, second in itertools.combinations(overrides, 2):
        if first.is_sweep_override() and not second.is_sweep_override() and _overlap(first, second):
            one, other = _written(first), _written(second)
            raise ConfigError(
                f"{one} has several values, and {other} after it has one",
                key=second.key_or_group,
                fix=f"only one of them, or {other} before {one}",
            )


def merged(first: Override, second: Override) -> list[str]:
    """The values of a key that is varied twice: each pair of dictionaries as one, as if set one after another.

    Raises:
        ConfigError: they are not all dictionaries.
    """
    ones, others = _elements(first), _elements(second)
    if not ones or not others or not all(isinstance(value, dict) for value in (*ones, *others)):
        key = first.key_or_group
        texts = [] if _endless(first) or _endless(second) else [*_texts(first), *_texts(second)]
        raise ConfigError(
            f"{key} is varied twice: {_written(first)} and {_written(second)}",
            key=key,
            fix=f"'{key}={','.join(dict.fromkeys(texts))}'" if texts else f"one of {key}=... and {key}=...",
        )
    return [_text(second, _onto(one, other)) for one, other in itertools.product(ones, others)]


def _overlap(first: Override, second: Override) -> bool:
    one, other = first.key_or_group, second.key_or_group
    if one == other:
        return True
    return _is_value(first) and _is_value(second) and (_below(one, other) or _below(other, one))


def _below(one: str, other: str) -> bool:
    return one.startswith(f"{other}.")


def _is_value(override: Override) -> bool:
    return str(override.input_line).startswith("++")


def _elements(override: Override) -> list[Any]:
    """The values of a list of choices as they were parsed, quotes kept."""
    from hydra.core.override_parser.types import ChoiceSweep

    from rlexp.compat.hydra import sweep_value

    sweep = sweep_value(override)
    return list(sweep.list) if isinstance(sweep, ChoiceSweep) else []


def _endless(override: Override) -> bool:
    return not override.is_discrete_sweep()


def _texts(override: Override) -> list[str]:
    return [str(text) for text in override.sweep_string_iterator()]


def _onto(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> dict[Any, Any]:
    """`one` with `other` put on top, dictionaries in them too."""
    combined = dict(one)
    for key, value in other.items():
        below = combined.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        combined[key] = _onto(below, value) if both else value  # type: ignore[arg-type]
    return combined


def _text(override: Override, value: Any) -> str:
    from rlexp.compat.hydra import value_text

    return value_text(override, value)


def _written(override: Override) -> str:
    return str(override.input_line).lstrip("+")
