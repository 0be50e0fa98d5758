"""Whether what `_target_` names is there and takes its arguments, read from source.

Importing RLlib takes seconds; this way a typing error in a callback's argument is refused at once. What the
source does not show (classes made at run time, compiled modules) is left to `rlexp.config.callables.targets.check`,
which imports.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.config.callables.annotations import describe, example, matches, takes_null
from rlexp.config.callables.source_files import class_lineage, source_tree
from rlexp.config.callables.targets import MAIN, TARGET


@dataclass(frozen=True)
class _Takes:
    """The named arguments of a callable, `self` left out, and whether it takes any others too.

    Attributes:
        names: of all arguments.
        required: of those without a default.
        others: whether it takes any others too.
        types: the annotations, as text, of those that have one.
    """

    names: list[str]
    required: list[str]
    others: bool
    types: Mapping[str, str] = field(default_factory=dict)


def check_source(
    key: str,
    spec: Mapping[str, Any],
    *,
    positional: int = 0,
    given: Sequence[str] = (),
    typed: bool = False,
) -> None:
    """Checks `{_target_: path, **arguments}` as far as the source tells.

    Args:
        key: the config key that holds it, for the message.
        spec: the path and the arguments.
        positional: how many arguments are given before these, e.g. the environment to wrap.
        given: names of those that are given beside them.
        typed: whether the annotations of its arguments are to be kept, too.

    Raises:
        ConfigError: no such class or function, an argument that it does not take, or one that is missing or of
            another type.
    """
    path = spec.get(TARGET)
    if not isinstance(path, str) or "." not in path:
        return
    check_there(f"{key}.{TARGET}", path)
    module, _, name = path.replace(":", ".").rpartition(".")
    tree = source_tree(module)
    takes = _takes(module, name, tree) if tree is not None else None
    if takes is None:
        return
    arguments = [str(argument) for argument in spec if argument != TARGET]
    free = [name for name in takes.names[positional:] if name not in given]
    required = [name for name in takes.required[positional:] if name not in given]
    taken = ", ".join(free) or "none"
    for argument in arguments:
        if argument not in free and not takes.others:
            close = nearest(argument, free)
            raise ConfigError(
                f"{key}.{argument}: {name} takes no argument {argument}; it takes {taken}",
                key=f"{key}.{argument}",
                suggestions=[f"{key}.{other}" for other in close],
                fix=f"{key}.{close[0]}=..." if close else f"leave {key}.{argument} out",
            )
    for argument in arguments if typed else ():
        _check_type(f"{key}.{argument}", takes.types.get(argument), spec[argument])
    missing = [argument for argument in required if argument not in arguments]
    if missing:
        raise ConfigError(
            f"{key}: {name} needs the argument {missing[0]}", key=key, fix=f"{key}.{missing[0]}=<value>"
        )


def _check_type(key: str, annotation: str | None, value: Any) -> None:
    """An argument is of its annotated type, where that is a plain one; whole floats (`1e3`) count as integers."""
    if annotation is None or matches(annotation, value) or (value is None and takes_null(annotation)):
        return
    if isinstance(value, float) and value.is_integer() and matches(annotation, int(value)):
        return
    shown = "null" if value is None else repr(value)
    fix = f"{key}={example(annotation)}"
    if describe(annotation).startswith("text") and isinstance(value, (int, float, bool)):
        fix = f"""'{key}="{str(value).lower() if isinstance(value, bool) else value}"'"""
    elif isinstance(value, str) and describe(annotation).startswith("a list"):
        fix = f"'{key}=[{value}]'"
    elif isinstance(value, list) and "text" in describe(annotation):
        fix = f"'{key}=[" + ", ".join(f'"{member}"' for member in value) + "]'"
    raise ConfigError(f"{key} must be {describe(annotation)}, not {shown}", key=key, fix=fix)


def check_there(key: str, path: str) -> None:
    """Checks that a module and a name in it exist, as far as files and source tell.

    Raises:
        ConfigError: they do not; says the nearest names.
    """
    module, _, name = path.replace(":", ".").rpartition(".")
    tree = source_tree(module)
    if tree is not None:
        _require_name(key, module, name, tree)
    elif _is_missing(module) and not _holds_class(module):
        raise ConfigError(f"{key}: {path}: there is no module {module}", key=key)


def _is_missing(module: str) -> bool:
    """True if a module is surely not there: its top package is, and holds no such file or folder."""
    top, *rest = module.split(".")
    if top == MAIN:  # The script or notebook itself, which has no spec.
        return False
    spec = importlib.util.find_spec(top) if top.isidentifier() else None
    if spec is None or not rest:
        return spec is None
    folders = [Path(location) for location in spec.submodule_search_locations or []]
    for name in rest:
        if not any(list(folder.glob(f"{name}.*")) or (folder / name).is_dir() for folder in folders):
            return True
        folders = [folder / name for folder in folders]
    return False


def _holds_class(path: str) -> bool:
    """True if a path names a class, which may have others inside; what a module imported does not count."""
    module, _, name = path.rpartition(".")
    tree = source_tree(module) if module else None
    return tree is not None and any(
        isinstance(item, ast.ClassDef) and item.name == name for item in tree.body
    )


def _takes(module: str, name: str, tree: ast.Module) -> _Takes | None:
    """The arguments of a function of the module, or of a class's `__init__`, its own or inherited."""
    for item in tree.body:
        if isinstance(item, ast.FunctionDef) and item.name == name and not item.decorator_list:
            return _arguments(item, skip=0)
    levels = class_lineage(f"{module}.{name}")
    for level in levels or ():
        if level.node.decorator_list:  # A dataclass, say: its `__init__` is written nowhere.
            return None
        for item in level.node.body:
            if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                return _arguments(item, skip=1)
    return _Takes([], [], False) if levels else None


def _arguments(function: ast.FunctionDef, *, skip: int) -> _Takes | None:
    a = function.args
    if a.vararg is not None:
        return None
    placed = [arg.arg for arg in [*a.posonlyargs, *a.args]]
    named = [arg.arg for arg in a.kwonlyargs]
    bare = [arg.arg for arg, default in zip(a.kwonlyargs, a.kw_defaults, strict=True) if default is None]
    required = placed[: len(placed) - len(a.defaults)]
    types = {
        arg.arg: _annotation(arg.annotation)
        for arg in [*a.posonlyargs, *a.args, *a.kwonlyargs]
        if arg.annotation is not None
    }
    return _Takes(placed[skip:] + named, required[skip:] + bare, a.kwarg is not None, types)


def _annotation(node: ast.expr) -> str:
    """An annotation's text; one that is written as text is what it says."""
    return str(node.value) if isinstance(node, ast.Constant) and node.value is not None else ast.unparse(node)


def _require_name(key: str, module: str, name: str, tree: ast.Module) -> None:
    """The module binds the name somehow; one that makes names at run time is believed."""
    bound = _bound(tree)
    if name in bound or "*" in bound or "__getattr__" in bound:
        return
    offered = [item.name for item in tree.body if isinstance(item, (ast.ClassDef, ast.FunctionDef))]
    close = nearest(name, [other for other in offered if not other.startswith("_")])
    raise ConfigError(
        f"{key}: {module} has no {name}",
        key=key,
        suggestions=[f"{module}.{other}" for other in close],
        fix=f"{key}={module}.{close[0]}" if close else None,
    )


@lru_cache(maxsize=64)
def _bound(tree: ast.Module) -> set[str]:
    """The names that a module's source binds anywhere."""
    bound: set[str] = set()
    for item in ast.walk(tree):
        if isinstance(item, (ast.ClassDef, ast.FunctionDef)):
            bound.add(item.name)
        elif isinstance(item, (ast.Import, ast.ImportFrom)):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in item.names}
        elif isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
            bound.add(item.id)
    return bound
