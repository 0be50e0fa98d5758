"""Reads from the source of other packages, without importing them, whether a name is there and what it takes.

A target is written as entry points are: `package.module:Class.attribute`, or `package.module` for a module alone.
Attributes that only a method sets (`self.attribute = ...`), inherited ones and re-exports count; stub files stand for
compiled modules.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

_ENDINGS = (".py", "/__init__.py", ".pyi", "/__init__.pyi")
_NESTED = (ast.If, ast.Try, ast.With)
Function = (ast.FunctionDef, ast.AsyncFunctionDef)


class Definition(NamedTuple):
    """Where a name is defined.

    Attributes:
        module: the module that defines it.
        node: the statement; None for a module.
    """

    module: str
    node: ast.AST | None

    @property
    def parameters(self) -> tuple[str, ...] | None:
        """The names of what a function takes, `self` left out and `*`, `**` kept; None for anything else."""
        if not isinstance(self.node, Function):
            return None
        given = self.node.args
        names = [one.arg for one in (*given.posonlyargs, *given.args)]
        names += [f"*{given.vararg.arg}"] if given.vararg else []
        names += [one.arg for one in given.kwonlyargs]
        names += [f"**{given.kwarg.arg}"] if given.kwarg else []
        return tuple(name for name in names if name not in ("self", "cls"))


def definition(target: str) -> Definition | None:
    """The definition of a target, or None where there is none (any more)."""
    module, _, path = target.partition(":")
    if _file(module) is None:
        return None
    if not path:
        return Definition(module, None)
    found = _in_module(module, path.split(".")[0], frozenset())
    for name in path.split(".")[1:]:
        if found is None or not isinstance(found.node, ast.ClassDef):
            return None
        found = _in_class(found.module, found.node, name, frozenset())
    return found


@cache
def _tree(module: str) -> ast.Module | None:
    file = _file(module)
    return None if file is None else ast.parse(_text(file))


@cache
def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


@cache
def _file(module: str) -> Path | None:
    """The file of a module. Only its top-level package is looked up by Python, which imports nothing for that."""
    top, *rest = module.split(".")
    spec = find_spec(top)
    if spec is None or spec.origin is None:
        return None
    if not spec.submodule_search_locations:
        alone = Path(spec.origin)
        return alone if not rest and alone.is_file() else None  # Some are frozen or built in.
    folder = Path(spec.origin).parent.joinpath(*rest)
    return next((file for ending in _ENDINGS if (file := Path(f"{folder}{ending}")).is_file()), None)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those of a module or class, also where they depend on a condition; functions are not entered."""
    for statement in body:
        yield statement
        if isinstance(statement, _NESTED):
            for part in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, part, []))
            for handler in getattr(statement, "handlers", []):
                yield from _statements(handler.body)


def _in_stub(module: str, text: str, name: str) -> Definition | None:
    """A name of a stub file, of which only that definition is parsed: torch's have a megabyte."""
    found = re.search(rf"^(?:def {name}\(|class {name}\b|{name}\s*[:=]).*?(?=^[^\s)])|\Z", text, re.M | re.S)
    block = found.group() if found else ""
    return Definition(module, ast.parse(block).body[0]) if block else None


def _in_module(module: str, name: str, seen: frozenset[str]) -> Definition | None:
    file = _file(module)
    if file is not None and file.suffix == ".pyi":
        return _in_stub(module, _text(file), name)
    tree = _tree(module)
    if tree is None or module in seen:
        return None
    stars, bound = [], None
    for statement in _statements(tree.body):
        if isinstance(statement, (*Function, ast.ClassDef)) and statement.name == name:
            bound = Definition(module, statement)
        elif name in _assigned(statement):
            bound = bound or Definition(module, statement)
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            if any((alias.asname or alias.name.split(".")[0]) == name for alias in statement.names):
                bound = bound or _imported(module, statement, name, seen)
            elif isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
                stars.append(_absolute(module, statement))
    if bound is not None:
        return bound
    found = (_in_module(star, name, seen | {module}) for star in stars)
    return next((one for one in found if one is not None), _submodule(module, name))


def _submodule(module: str, name: str) -> Definition | None:
    return Definition(f"{module}.{name}", None) if _file(f"{module}.{name}") is not None else None


def _imported(
    module: str, statement: ast.Import | ast.ImportFrom, name: str, seen: frozenset[str]
) -> Definition:
    """What an import binds: followed as far as there is source, the import itself beyond that."""
    if isinstance(statement, ast.ImportFrom):
        source = _absolute(module, statement)
        original = next(alias.name for alias in statement.names if (alias.asname or alias.name) == name)
        if source != module:
            followed = _in_module(source, original, seen | {module})
            if followed is not None:
                return followed
    return Definition(module, statement)


def _absolute(module: str, statement: ast.ImportFrom) -> str:
    if not statement.level:
        return statement.module or ""
    file = _file(module)
    parts = module.split(".")
    is_package = file is not None and file.stem == "__init__"
    base = parts[: len(parts) - statement.level + is_package]
    return ".".join([*base, *([statement.module] if statement.module else [])])


def _in_class(module: str, node: ast.ClassDef, name: str, seen: frozenset[str]) -> Definition | None:
    """An attribute of a class: in its body, set by its methods, or a base's."""
    for statement in _statements(node.body):
        if isinstance(statement, (*Function, ast.ClassDef)) and statement.name == name:
            return Definition(module, statement)
        if name in _assigned(statement):
            return Definition(module, statement)
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr == name and isinstance(part.ctx, ast.Store):
            return Definition(module, part)
    for base in node.bases:
        found = _base(module, base)
        key = f"{found.module}:{found.node.name}" if found and isinstance(found.node, ast.ClassDef) else ""
        if found is not None and isinstance(found.node, ast.ClassDef) and key not in seen:
            inherited = _in_class(found.module, found.node, name, seen | {key})
            if inherited is not None:
                return inherited
    return None


def _base(module: str, base: ast.expr) -> Definition | None:
    while isinstance(base, ast.Subscript):
        base = base.value
    path = ast.unparse(base)
    if "." not in path:
        return _in_module(module, path, frozenset())
    return definition(f"{module}:{path}") or _through_modules(module, path)


def _through_modules(module: str, path: str) -> Definition | None:
    """`package.module.Class` as a file names it that has imported `package` or an alias of it."""
    first, *rest = path.split(".")
    found = _in_module(module, first, frozenset())
    if found is None or found.node is not None and not isinstance(found.node, ast.Import):
        return None
    owner = found.module
    if isinstance(found.node, ast.Import):
        alias = next(a for a in found.node.names if (a.asname or a.name.split(".")[0]) == first)
        owner = alias.name if alias.asname else first
    return definition(".".join([owner, *rest[:-1]]) + f":{rest[-1]}")


def _assigned(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.Assign):
        places = [part for target in statement.targets for part in ast.walk(target)]
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign, ast.For)):
        places = [statement.target]
    else:
        return []
    return [place.id for place in places if isinstance(place, ast.Name)]
