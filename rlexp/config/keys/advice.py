"""What to write instead: the second half of the messages about a config's keys and values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.config.algorithms.builder_signatures import algorithm_name, known_config_classes
from rlexp.config.callables.annotations import example, is_number, matches
from rlexp.config.callables.targets import TARGET
from rlexp.config.keys.accepted_keywords import accepted
from rlexp.config.keys.key_table import known_of
from rlexp.config.override_text import assigned
from rlexp.config.schema import AlgorithmChoice, RunConfig

NOT_CHOSEN = ("stop", "checkpoint", "reporting")
"""Groups of keys without choices, so that `rlexp list` has nothing of them."""


SEVERAL = ("callbacks", "tracking", "metrics")
"""Groups whose entries a person names."""


def not_given(key: str) -> ConfigError:
    """The person must give a value."""
    message = f"{key} must be given: it has no default"
    return ConfigError(message, key=key, fix=known_of(key).written or f"{key}=<value>")


def under(key: str, error: ConfigError) -> ConfigError:
    """An error that does not name its key, with it."""
    if error.key is not None:
        return error
    text = str(error).partition("\n")[0]
    return ConfigError(f"{key}: {text}", key=key, suggestions=error.suggestions, fix=error.fix)


def other_owners(key: str) -> list[str]:
    """The algorithms' config classes that take an `algorithm.<name>` key."""
    group, _, name = key.partition(".")
    if group != "algorithm":
        return []
    takers = [path for path in known_config_classes() if name in accepted(AlgorithmChoice, path).keywords]
    return [algorithm_name(path) for path in takers]


def where_to_look(key: str) -> str:
    """What shows the right keys when none is like the wrong one."""
    group = key.partition(".")[0]
    chosen = {field.name for field in fields(RunConfig) if str(field.type).endswith("Choice")} - {*NOT_CHOSEN}
    return f"rlexp list {group} shows its keys" if group in chosen else "rlexp help all lists the keys"


def is_target(value: Mapping[Any, Any]) -> bool:
    """True if a mapping names a callable."""
    return TARGET in value


def written(key: str, annotation: str, value: Any) -> str:
    """An override of `key` that fits its type, as like the wrong one as can be."""
    if value is None and key.partition(".")[0] in SEVERAL:
        return f"~{key} leaves it out"
    if value is None and "." in key and matches(annotation, {}):
        return f"'{key}={{}}'"
    if is_number(value) and matches(annotation, str(value)):
        return f"'{key}=\"{value}\"'"
    return known_of(key).written or assigned(key, example(annotation))


def shown(value: Any) -> str:
    """A value as YAML spells it, cut to a length that one reads."""
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
