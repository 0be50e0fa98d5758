"""Secrets that a config takes from the environment: written as `${oc.env:NAME}`, never as what they are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from rlexp.config.secrets import holds_secret, looks_secret

ENVIRONMENT = "oc.env"
"""OmegaConf's resolver of environment variables."""
_FROM_ENVIRONMENT = re.compile(r"\$\{\s*oc\.env\s*:\s*([\w.-]*)")
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_SHORTEST = 4
"""Characters of a secret that is looked for inside other values."""


def secrets_of(raw: Mapping[str, Any], plain: Mapping[str, Any]) -> dict[str, str]:
    """The interpolations, by dotted key, of values that come from the environment and look like secrets.

    Those that only name such a key are among them.

    Args:
        raw: a config with its interpolations.
        plain: the same, resolved.
    """
    written = dict(_interpolations(raw, plain))
    direct = {key for key, (text, value) in written.items() if _is_secret(key, text, value)}
    secrets = {str(written[key][1]) for key in direct if len(str(written[key][1])) >= _SHORTEST}
    passed_on = {key for key, (_, value) in written.items() if any(s in str(value) for s in secrets)}
    return {key: written[key][0] for key in written if key in direct | passed_on}


def values_of(plain: Mapping[str, Any], kept: Mapping[str, str]) -> set[str]:
    """The texts at the dotted keys of `kept`, and the variables that they name, but for very short ones.

    Args:
        plain: a config, resolved.
        kept: interpolations, by dotted key.
    """
    found = {os.environ.get(name, "") for text in kept.values() for name in _FROM_ENVIRONMENT.findall(text)}
    for key in kept:
        node: Any = plain
        with suppress(KeyError, IndexError, TypeError):
            for step in _steps(key):
                node = node[step]
            found |= {node} if isinstance(node, str) else set()
    return {value for value in found if len(value) >= _SHORTEST}


def _steps(key: str) -> list[Any]:
    return [int(index) if index else name for index, name in _STEP.findall(key)]


def with_kept(plain: dict[str, Any], kept: Mapping[str, str]) -> dict[str, Any]:
    """`plain`, changed: at each dotted key of `kept` the interpolation in place of the value."""
    for key, text in kept.items():
        steps = _steps(key)
        node: Any = plain
        try:
            for step in steps[:-1]:
                node = node[step]
            if isinstance(node, (dict, list)):
                node[steps[-1]] = text
        except (
            KeyError,
            IndexError,
            TypeError,
        ):  # What it stood in is gone: a callback left out on resume, say.
            continue
    return plain


def interpolations(node: Any, key: str = "") -> dict[str, str]:
    """The texts with `${...}` in a plain value, by dotted key."""
    return {key: text for key, (text, _) in _interpolations(node, node, key)}


def _interpolations(raw: Any, plain: Any, key: str = "") -> Iterator[tuple[str, tuple[str, Any]]]:
    if isinstance(raw, str) and "${" in raw:
        yield key, (raw, plain)
    elif isinstance(raw, Mapping) and isinstance(plain, Mapping):
        for name, inner in raw.items():
            yield from _interpolations(inner, plain.get(name), f"{key}.{name}" if key else str(name))
    elif isinstance(raw, list) and isinstance(plain, list):
        for index, (inner, value) in enumerate(zip(raw, plain, strict=False)):
            yield from _interpolations(inner, value, f"{key}[{index}]")


def _is_secret(key: str, text: str, value: Any) -> bool:
    variables = _FROM_ENVIRONMENT.findall(text)
    named = looks_secret(key.partition("[")[0]) or any(map(looks_secret, variables))
    return bool(variables) and value is not None and (named or holds_secret(str(value)))
