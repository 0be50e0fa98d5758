"""What no plain config may hold, whatever its keys: it could not be written, read again, or reckoned with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from rlexp.base.errors import ConfigError, ConfigErrors
from rlexp.base.yaml.reader import MAX_DEPTH, MAX_VALUES
from rlexp.base.yaml.yaml_events import MAX_DIGITS

OWN = ("env.config", "evaluation.env_config", "model.module_config")
"""Arguments of somebody's own code, which may have a use for a NaN, or for numbers of a hundred digits."""


def refuse_unusable(plain: Mapping[str, Any]) -> None:
    """Refuses a config of such a size or depth, or with such keys, that it could not be judged any further.

    Raises:
        ConfigErrors: naming each key.
    """
    problems: list[ConfigError] = []
    for number, (key, depth, value) in enumerate(_values(plain)):
        if number > MAX_VALUES:
            problems.append(ConfigError(f"the config has more than {MAX_VALUES:,} values: too many", key=key))
            break
        if depth > MAX_DEPTH:
            problems.append(ConfigError(f"{key[:60]}...: nested more than {MAX_DEPTH} deep", key=key[:60]))
            break
        problem = _keys_problem(key, value) or _size_problem(key, value)
        if problem is not None:
            problems.append(problem)
    if problems:
        raise ConfigErrors(problems)


def not_numbers(plain: Mapping[str, Any]) -> list[ConfigError]:
    """NaN at any key but those that somebody's own code reads, and those that say better what is wrong with it."""
    return [
        ConfigError(f"{key}: nan is no number that a setting can be", key=key, fix=f"{key}=<a number>")
        for key, _, value in _values(plain)
        if isinstance(value, float) and math.isnan(value) and not key.startswith((*OWN, "stop.metric"))
    ]


def _values(plain: Mapping[str, Any]) -> Iterator[tuple[str, int, Any]]:
    """Every value with its dotted key and how deep it lies; no recursion, and no deeper than the first too deep."""
    waiting: list[tuple[str, int, Any]] = [("", 0, plain)]
    while waiting:
        key, depth, value = waiting.pop()
        yield key, depth, value
        if isinstance(value, Mapping):
            start = f"{key}." if key else ""
            waiting += [(f"{start}{name}", depth + 1, inner) for name, inner in value.items()]
        elif isinstance(value, (list, tuple)):
            waiting += [(f"{key}[{index}]", depth + 1, inner) for index, inner in enumerate(value)]


def _keys_problem(key: str, value: Any) -> ConfigError | None:
    if not isinstance(value, Mapping):
        return None
    # Deeper down a mapping may be anything; up here its keys are settings or names of arguments.
    kinds: tuple[type, ...] = (str, int) if key.count(".") > 1 else (str,)
    odd = [name for name in value if not isinstance(name, kinds) or isinstance(name, bool)]
    if not odd:
        return None
    name = str(odd[0]).lower()
    message = f"{key + ': ' if key else ''}the key {name} is no text"
    return ConfigError(message, key=key, fix=f'"{name}": ...')


def _size_problem(key: str, value: Any) -> ConfigError | None:
    # Somebody's own code may reckon with any number that can be written down and read again.
    low, high = (-(10**MAX_DIGITS), 10**MAX_DIGITS) if key.startswith(OWN) else (-(2**63), 2**64)
    if isinstance(value, int) and not low <= value < high:
        digits = math.floor(math.log10(abs(value))) + 1
        most = f"{MAX_DIGITS} digits" if key.startswith(OWN) else "64 bits hold"
        message = f"{key}: a number of {digits} digits is more than {most}"
        return ConfigError(message, key=key, fix=f"{key}=<a smaller number, or text in quotation marks>")
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return ConfigError(f"{key}: {value!a:.60} is no text in UTF-8", key=key, fix=f"{key}=<text>")
    return None
