"""What a config names by import path, and the list `trusted`, which the packages of those names join.

What a person names is theirs; what a config from elsewhere names does not join the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rlexp.config.callables.source_files import defining_module
from rlexp.config.callables.targets import DEFAULT_TRUSTED, NEVER_TRUSTED, TARGET, within
from rlexp.config.trust.allow_list import (
    ALGORITHM,
    BUFFER,
    CALLBACK,
    ENVIRONMENT,
    METRIC,
    MODULE,
    NOTHING,
    STOP_FUNCTION,
    STRATEGY,
    TASK_FUNCTION,
    TEACHER,
    TRACKER,
    WRAPPER,
    Place,
    is_import_path,
)

KEY = "trusted"

_FUNCTION_ARGUMENTS = ("task_fn", "mutate")
"""Arguments of teachers that are the import path of a function."""

_GROUPS = {"callbacks": CALLBACK, "tracking": TRACKER, "metrics": METRIC}
_SINGLE = {
    ("algorithm", "config_class"): ALGORITHM,
    ("model", "module_class"): MODULE,
    ("env", "vector_entry_point"): ENVIRONMENT,
    ("curriculum", "task_fn"): TASK_FUNCTION,
}


@dataclass(frozen=True)
class Named:
    """An import path in a config.

    Attributes:
        key: where it stands.
        path: as written; of an id with a module, `module:Env-v0`, too.
        place: what may stand there.
    """

    key: str
    path: str
    place: Place


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
    except (SyntaxError, ValueError, OSError, ImportError):  # The error is raised when it is imported.
        return None


def named(plain: Mapping[str, Any]) -> Iterator[Named]:
    """Everything that a plain config names by import path, whether it is well-formed otherwise or not."""
    for (group, name), place in _SINGLE.items():
        yield from _text(f"{group}.{name}", _group(plain, group).get(name), place)
    env = _group(plain, "env")
    yield from _text("env.id", env.get("id"), ENVIRONMENT)
    yield from _specs("env.wrappers", env.get("wrappers"), WRAPPER)
    for group, place in _GROUPS.items():
        for name, spec in _group(plain, group).items():
            yield from _spec(f"{group}.{name}", spec, place)
    stop = _group(plain, "stop").get("function")
    yield from _spec("stop.function", {TARGET: stop} if isinstance(stop, str) else stop, STOP_FUNCTION)
    yield from _spec("exploration", plain.get("exploration"), STRATEGY)
    yield from _teacher("curriculum.teacher", _group(plain, "curriculum").get("teacher"))
    yield from _types(plain.get("algorithm"), "algorithm")


def _group(plain: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    group = plain.get(name)
    return group if isinstance(group, Mapping) else {}


def _text(key: str, value: Any, place: Place) -> Iterator[Named]:
    if isinstance(value, str) and value and (place is not ENVIRONMENT or key != "env.id" or _names(value)):
        yield Named(key, value, place)


def _names(env_id: str) -> bool:
    """True if an id names a module, by an import path or before its colon."""
    return is_import_path(env_id) or ":" in env_id


def _specs(key: str, specs: Any, place: Place) -> Iterator[Named]:
    for index, spec in enumerate(specs if isinstance(specs, list) else ()):
        yield from _spec(f"{key}[{index}]", spec, place)


def _spec(key: str, spec: Any, place: Place) -> Iterator[Named]:
    """A spec's own target, and those among its arguments, where none is needed."""
    if not isinstance(spec, Mapping):
        return
    if TARGET in spec:
        yield from _text(f"{key}.{TARGET}", spec[TARGET], place)
    for name, value in spec.items():
        if name != TARGET:
            yield from _nested(f"{key}.{name}", value)


def _nested(key: str, node: Any) -> Iterator[Named]:
    if isinstance(node, Mapping):
        if TARGET in node:
            yield Named(f"{key}.{TARGET}", str(node[TARGET]), NOTHING)
        for name, inner in node.items():
            yield from _nested(f"{key}.{name}", inner)
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from _nested(f"{key}[{index}]", inner)


def _teacher(key: str, spec: Any) -> Iterator[Named]:
    """A teacher, its functions, and the teachers that it hands parts of the tasks to."""
    if not isinstance(spec, Mapping):
        return
    if TARGET in spec:
        yield from _text(f"{key}.{TARGET}", spec[TARGET], TEACHER)
    for name, value in spec.items():
        if name in _FUNCTION_ARGUMENTS:
            yield from _text(f"{key}.{name}", value, TASK_FUNCTION)
        elif name == "tracks" and isinstance(value, Mapping):
            for track, inner in value.items():
                yield from _teacher(f"{key}.tracks.{track}", inner)
        elif name != TARGET:
            yield from _nested(f"{key}.{name}", value)


def _types(node: Any, key: str) -> Iterator[Named]:
    """RLlib's `type` keys: it imports and calls what they name, opens them as files, or reads them as YAML."""
    if isinstance(node, Mapping):
        if isinstance(node.get("type"), str):
            yield Named(f"{key}.type", node["type"], BUFFER)
        for name, inner in node.items():
            yield from _types(inner, f"{key}.{name}")
    elif isinstance(node, list):
        for inner in node:
            yield from _types(inner, key)
