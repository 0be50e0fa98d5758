"""The list `trusted`: what a person names is theirs and joins it; what a config from elsewhere names does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.config.callables.source_files import defining_module
from rlexp.config.callables.targets import DEFAULT_TRUSTED, NEVER_TRUSTED, within
from rlexp.config.trust.nameable_classes import ENVIRONMENT, Named, is_import_path, named

KEY = "trusted"


def trusting_own(
    plain: Mapping[str, Any], theirs: Callable[[str], bool] = lambda key: True
) -> dict[str, Any]:
    """The config with `trusted` longer by the packages of what the person has named in it.

    Args:
        plain: as composed.
        theirs: whether a key is the person's own word; all are, but in a config from elsewhere.
    """
    listed = plain.get(KEY)
    if not isinstance(listed, list):
        return dict(plain)
    found = [package for item in named(plain) if theirs(item.key) for package in _packages(item)]
    return {**plain, KEY: list(dict.fromkeys([*listed, *(p for p in found if not within(p, listed))]))}


def _packages(item: Named) -> Iterable[str]:
    """The package that a path begins in, and the one in which what it names is defined."""
    if ":" in item.path and item.place is ENVIRONMENT and not is_import_path(item.path):
        modules = [item.path.partition(":")[0]]
    else:
        path = item.path.replace(":", ".")
        modules = [path.rpartition(".")[0]]
        if not within(modules[0], DEFAULT_TRUSTED):
            modules.append(_defined(path) or "")
    for module in modules:
        if not module or not all(part.isidentifier() for part in module.split(".")):
            continue
        shipped = next((prefix for prefix in DEFAULT_TRUSTED if within(module, (prefix,))), None)
        if shipped or module.partition(".")[0] not in NEVER_TRUSTED:
            yield shipped or module.partition(".")[0]


def _defined(path: str) -> str | None:
    try:
        return defining_module(path)
    except (SyntaxError, ValueError, OSError, ImportError):  # Told when it is imported.
        return None


def granted(overrides: Sequence[str]) -> tuple[str, ...]:
    """Modules that the command line trusts with anything, whoever names what lies in them.

    `trusted=+mine` says so of `mine`; a whole list says so of what is in it beside the shipped modules, which anyone
    may list.

    Raises:
        ConfigError: an override cannot be read.
    """
    from rlexp.config.composition.override_syntax import value_of

    texts = [text.lstrip("+") for text in overrides]
    values = [value_of(text.partition("=")[2]) for text in texts if text.startswith(f"{KEY}=")]
    if not values:
        return ()
    if isinstance(values[-1], str):
        return tuple(added(values[-1]))
    listed = values[-1] if isinstance(values[-1], list) else []
    return tuple(str(name) for name in listed if str(name) not in DEFAULT_TRUSTED)


def added(value: str) -> list[str]:
    """The modules of `+mine`, or of `+mine+yours`.

    Raises:
        ConfigError: it is no such text.
    """
    names = value.split("+")
    if (
        names[0]
        or not all(part.isidentifier() for name in names[1:] for part in name.split("."))
        or not names[1:]
    ):
        raise ConfigError(
            f"{KEY}={value}: a module's name is missing or cannot be one",
            key=KEY,
            fix=f"{KEY}=+my_package (adds it), or '{KEY}=[{','.join([*DEFAULT_TRUSTED, 'my_package'])}]'",
        )
    return names[1:]
