"""Every key that a config may have: the schema's fields under their names in YAML, and RLlib's keywords beside them."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from rlexp.config.callables.targets import DEFAULT_TRUSTED
from rlexp.config.keys.accepted_keywords import accepted, annotation_of
from rlexp.config.keys.replay_settings import KEY as BUFFER
from rlexp.config.keys.replay_settings import buffer_keys
from rlexp.config.schema import RunConfig

SETTINGS = "settings"
"""The field of a group that gathers RLlib's own keywords; in YAML they stand beside its other keys."""

_NOT_IN_YAML = {SETTINGS, "choices", "kept"}


def valid_keys(config_class: str, trusted: tuple[str, ...] = DEFAULT_TRUSTED) -> list[str]:
    """All dotted keys a config may have when the algorithm is of this class (an import path).

    Raises:
        ConfigError: there is no such config class, or it is not trusted.
    """
    return list(annotated_keys(config_class, trusted))


def annotated_keys(config_class: str, trusted: tuple[str, ...] = DEFAULT_TRUSTED) -> dict[str, str | None]:
    """As `valid_keys`, each with its type as text, where it has one."""
    return dict(_dotted(RunConfig, "", config_class, trusted))


def yaml_name(field: str) -> str:
    """A field's name in YAML; `from` is no name in Python."""
    return "from" if field == "from_" else field


@lru_cache(maxsize=64)
def yaml_fields(cls: type) -> dict[str, dataclasses.Field[Any]]:
    """The fields of a dataclass that a person may write, by their names in YAML."""
    return {yaml_name(f.name): f for f in dataclasses.fields(cls) if f.name not in _NOT_IN_YAML}


def has_settings(cls: type) -> bool:
    """True for a group that takes keywords of RLlib's beside its own fields."""
    return SETTINGS in _hints(cls)


@lru_cache(maxsize=256)
def nested_class(cls: type, field: str) -> type | None:
    """The dataclass that a field holds, also where it may be None."""
    hint = _hints(cls)[field]
    for candidate in (hint, *typing.get_args(hint)):
        if isinstance(candidate, type) and dataclasses.is_dataclass(candidate):
            return candidate
    return None


@lru_cache(maxsize=64)
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _dotted(
    cls: type, prefix: str, config_class: str, trusted: tuple[str, ...]
) -> Iterator[tuple[str, str | None]]:
    for name, field in yaml_fields(cls).items():
        yield prefix + name, str(field.type)
        inner = nested_class(cls, field.name)
        if inner is not None:
            yield from _dotted(inner, f"{prefix}{name}.", config_class, trusted)
    if has_settings(cls):
        for name, keyword in accepted(cls, config_class, trusted).keywords.items():
            yield prefix + name, annotation_of(prefix + name, keyword)
            if prefix + name == BUFFER:
                yield from ((key, None) for key in buffer_keys())
