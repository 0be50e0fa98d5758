"""The arguments of a spec `{_target_: path, **arguments}`, and whether what it names would take them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest

TARGET = "_target_"
_MAGIC = ("_partial_", "_args_", "_recursive_", "_convert_")


def arguments_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a spec, by name.

    Raises:
        ConfigError: it is no spec, or has a word of Hydra's that is not supported.
    """
    if not isinstance(spec, Mapping) or TARGET not in spec:
        raise ConfigError(
            f"expected a mapping with {TARGET}, got {spec!r}", fix=f"{{{TARGET}: envs.mine.MyEnv}}"
        )
    for magic in _MAGIC:
        if magic in spec:
            raise ConfigError(f"{magic} is not supported beside {TARGET}; remove it")
    return {str(name): value for name, value in spec.items() if name != TARGET}


def check_call(
    target: Any, path: str, arguments: Mapping[str, Any], positional: int, given: Sequence[str]
) -> None:
    """Checks that a callable takes these arguments, without calling it.

    Args:
        target: the callable.
        path: its import path, for the message.
        arguments: by name.
        positional: how many arguments its caller gives before them.
        given: names of further arguments that its caller gives.

    Raises:
        ConfigError: an argument is unknown, given twice or missing.
    """
    for name in arguments:
        if name in given:
            raise ConfigError(f"{path}: the argument {name} is filled in by rlexp; remove it")
    try:
        signature = inspect.signature(target)
    except (ValueError, TypeError):  # Some callables written in C publish none; the call itself decides.
        return
    takes = [p for p in signature.parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    names = [p.name for p in takes]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    by_position = [p.name for p in signature.parameters.values() if p.kind is not p.KEYWORD_ONLY][:positional]
    for name in arguments:
        if name in by_position:
            raise ConfigError(f"{path}: the argument {name} is filled in by rlexp; remove it")
        if name not in names and not open_ended:
            free = [n for n in names if n not in by_position and n not in given]
            raise ConfigError(
                f"{path} takes no argument {name}; it takes " + (", ".join(free) or "none"),
                suggestions=nearest(name, free),
            )
    have = {*arguments, *given, *by_position}
    missing = [p.name for p in takes if p.default is p.empty and p.name not in have]
    if missing:
        fix = f"{missing[0]}: <value> beside {TARGET}: {path}"
        raise ConfigError(f"{path} needs the argument {missing[0]}", fix=fix)
    try:
        signature.bind(*(None,) * positional, **dict.fromkeys((*arguments, *given)))
    except TypeError as error:
        raise ConfigError(f"{path}: {error}") from None
