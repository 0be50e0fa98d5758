"""Hydra's grammar of overrides, with errors that say where a text breaks off."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError
from rlexp.base.yaml.reader import MAX_DEPTH
from rlexp.config.composition.groups import choices_named

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

    from rlexp.compat.hydra import Hydra

_PAIRS = {"[": "]", "{": "}", "(": ")"}


def parse(text: str, app: Hydra | None = None) -> Override:
    """One override, as Hydra's grammar reads it.

    Raises:
        ConfigError: it cannot be read; says where it breaks off.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    if _depth(text) > MAX_DEPTH:
        raise ConfigError(f"{text:.40}...: brackets nested more than {MAX_DEPTH} deep", fix="key=value")
    try:
        override = OverridesParser.create().parse_override(text)
    except HydraException as error:
        raise _unreadable(text) from error
    except ValueError as error:  # A number with more digits than Python reads.
        raise ConfigError(f"{text:.40}... cannot be read: {error}", fix="key=value") from error
    if not override.key_or_group:
        raise ConfigError(f"{text!r}: there is no key before the =", fix="key=value")
    override.config_loader = app.config_loader if app else None
    return override


def parse_all(texts: Iterable[str], app: Hydra | None = None) -> list[Override | ConfigError]:
    """Each override as Hydra's grammar reads it, or why it cannot be read."""
    return [_parse_or_error(text, app) for text in texts]


def _parse_or_error(text: str, app: Hydra | None) -> Override | ConfigError:
    try:
        return parse(text, app)
    except ConfigError as error:
        return error


def _depth(text: str) -> int:
    """How deep brackets are nested in a text, quoted ones too."""
    deepest = depth = 0
    for sign in text:
        depth += (sign in _PAIRS) - (sign in _PAIRS.values())
        deepest = max(deepest, depth)
    return deepest


def value_of(text: str) -> Any:
    """What the part of an override after its `=` stands for; `1e-5` is a number there, as it is not in YAML.

    Raises:
        ConfigError: it cannot be read.
    """
    from hydra.core.override_parser.types import QuotedString

    value = parse(f"value={text}").value()
    return value.text if isinstance(value, QuotedString) else value


def _unreadable(text: str) -> ConfigError:
    key, equals, value = text.partition("=")
    if not equals:
        found = choices_named(text) if text.isidentifier() else []
        fix = found[0] if found else "key=value"
        return ConfigError(f"{text!r} is no override: it has no =", suggestions=found[1:], fix=fix)
    if key.startswith("stop.metric."):
        name = key.removeprefix("stop.metric.")
        fix = f"'stop.metric={{{name}: {value}}}'"
        return ConfigError(f"{text!r}: the name of a metric goes into braces", key="stop.metric", fix=fix)
    if not key.lstrip("+~").replace(".", "").replace("_", "").replace("/", "").replace("@", "").isalnum():
        return ConfigError(f"{text!r}: {key!r} is no key", fix="group.key=value")
    return ConfigError(
        f"{text!r} cannot be read: {_flaw(value)}", key=key.lstrip("+~"), fix=_mended(key, value)
    )


def _flaw(value: str) -> str:
    if value.count('"') % 2 or value.count("'") % 2:
        return "a quotation mark is not closed"
    open_, close = next(((o, c) for o, c in _PAIRS.items() if value.count(o) != value.count(c)), ("", ""))
    if open_:
        side = "opened" if value.count(close) > value.count(open_) else "closed"
        return f"a bracket {open_}{close} is not {side}"
    return "a value with = or other signs needs quotation marks of its own"


def _mended(key: str, value: str) -> str:
    """The override with its brackets closed, or its value quoted."""
    bare = value.replace('"', "").replace("'", "")
    missing = "".join(_PAIRS[c] * (bare.count(c) - bare.count(_PAIRS[c])) for c in "[{(")
    if missing:
        return f"'{key}={bare}{missing}'"
    return f"""'{key}="{bare}"'""" if bare else f"{key}=<value>"
