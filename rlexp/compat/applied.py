"""Whether a row of the registry holds in this process, as it is asked before a patch is put in place.

Unlike the table, which reads source, this looks at the modules, and imports those of the row that is asked for.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rlexp.base.errors import ConfigError

if TYPE_CHECKING:
    from rlexp.compat.registry_row import Row, State, Target

_log = logging.getLogger(__name__)
_logged: set[str] = set()
_ABSENT = object()
_TRACING = "_ray_trace_ctx"
"""A parameter that Ray adds to the methods of a class of which it makes an actor."""


def usable(name: str) -> bool:
    """True where the row's targets are as expected; otherwise a line in the log, once, says what goes on without.

    For rows that are merely faster.
    """
    row = _row(name)
    broken = _broken(row)
    if broken and name not in _logged:
        _logged.add(name)
        _log.warning("%s goes without %s (%s): %s", _version(row), name, _states(broken), row.without)
    return not broken


def need(name: str) -> None:
    """Nothing where the row's targets are as expected.

    Raises:
        ConfigError: they are not; names the row and the versions that it holds for.
    """
    row = _row(name)
    if broken := _broken(row):
        raise unsupported(row, broken)


@contextmanager
def needed(name: str) -> Iterator[None]:
    """Imports and attributes of a row that fail inside do so as `need` does."""
    try:
        yield
    except (ImportError, AttributeError, TypeError) as error:
        row = _row(name)
        if broken := _broken(row):
            raise unsupported(row, broken) from error
        raise


def unsupported(row: Row, broken: dict[str, State]) -> ConfigError:
    """The error of a row that is needed and does not hold."""
    from rlexp.compat import registry

    versions = registry.supported(row.library) or row.library
    return ConfigError(
        f"{_version(row)} is not what rlexp needs for {row.name} ({_states(broken)}): {row.without}\n"
        f"  supported: {versions}",
        fix=f"python -m pip install '{versions}'",
    )


def explained(error: BaseException) -> str | None:
    """What to add to an error that comes of a row that does not hold: for private names that are used as they are."""
    from rlexp.compat import registry

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, (AttributeError, ImportError, TypeError)):
            for row in registry.ROWS:
                if any(target.name in str(seen) for target in row.shape) and (broken := row.broken()):
                    return str(unsupported(row, broken))
        seen = seen.__cause__ or seen.__context__
    return None


def _row(name: str) -> Row:
    from rlexp.compat import registry

    return registry.row(name)


def _broken(row: Row) -> dict[str, State]:
    states = {target.path: live_state(target) for target in row.shape}
    return {path: state for path, state in states.items() if state != "there"}


def live_state(target: Target) -> State:
    """The state of a target by import."""
    module, _, path = target.path.partition(":")
    if not path:
        return "there" if _has_module(module) else "missing"
    try:
        found: Any = import_module(module)
    except ImportError:
        return "missing"
    for name in path.split("."):
        owner, found = found, inspect.getattr_static(found, name, _ABSENT)
        if found is _ABSENT:
            found = getattr(owner, name, _ABSENT)
        if found is _ABSENT:
            return "there" if isinstance(owner, type) and _is_of_instances(owner, name) else "missing"
    if target.parameters is None:
        return "there"
    return "there" if _parameters(found) in (None, target.parameters) else "changed"


def _has_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ImportError:
        return False


def _is_of_instances(owner: type, name: str) -> bool:
    """True where a method of a class sets the attribute, or it is annotated: one that only instances have."""
    if any(name in vars(each).get("__annotations__", ()) for each in owner.__mro__):
        return True
    methods = (
        inspect.unwrap(method) for each in owner.__mro__ for method in vars(each).values() if callable(method)
    )
    import dis

    codes = [code for each in methods if (code := getattr(each, "__code__", None)) and name in code.co_names]
    steps = (step for code in codes for step in dis.get_instructions(code))
    return any(step.opname == "STORE_ATTR" and step.argval == name for step in steps)


def _parameters(function: Any) -> tuple[str, ...] | None:
    """As `Definition.parameters`; None where they cannot be seen, as of compiled functions."""
    function = function.fget if isinstance(function, property) else inspect.unwrap(_plain(function))
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    stars: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    names = (f"{stars.get(each.kind, '')}{each.name}" for each in given)
    return tuple(name for name in names if name not in ("self", "cls", _TRACING))


def _plain(function: Any) -> Any:
    return function.__func__ if isinstance(function, (staticmethod, classmethod)) else function


def _version(row: Row) -> str:
    from rlexp.compat import registry

    return f"{row.library} {registry.installed(row.library) or '(not installed)'}"


def _states(broken: dict[str, State]) -> str:
    return ", ".join(f"{path} is {state}" for path, state in broken.items())
