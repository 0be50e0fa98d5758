"""Classes and modules read from their source files, without importing them."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rlexp.base.moved_names import current_name


@dataclass(frozen=True)
class ClassSource:
    """A class definition in a source file."""

    module: str
    node: ast.ClassDef

    @property
    def path(self) -> str:
        """Import path of the class, where it is defined."""
        return f"{self.module}.{self.node.name}"


def class_lineage(path: str, last: str | None = None) -> list[ClassSource] | None:
    """The class at `path` and its bases, in order of lookup; None if the source hides one.

    Args:
        path: import path of a class.
        last: import path of the class whose own bases are left out.
    """
    module, _, name = path.replace(":", ".").rpartition(".")
    found = _find_class(module, name)
    if found is None:
        return None
    if found.path == last or not found.node.bases:
        return [found]
    lineage = [found]
    for base in found.node.bases:
        origin = _origin(found.module, ast.unparse(base))
        above = class_lineage(origin, last) if origin else None
        if above is None:
            return None
        lineage += above
    return lineage


def _find_class(module: str, name: str, depth: int = 0) -> ClassSource | None:
    """The definition of `module.name`, followed through re-exports and plain aliases."""
    tree = source_tree(module)
    if tree is None or depth > 8:
        return None
    for item in _statements(tree.body):
        if isinstance(item, ast.ClassDef) and item.name == name:
            return ClassSource(module, item)
    origin = _origin(module, name)
    if origin is None or origin == f"{module}.{name}":
        return None
    return _find_class(*_split(origin), depth + 1)


def _origin(module: str, name: str) -> str | None:
    """The dotted path that `name` (perhaps dotted itself) has in the namespace of `module`."""
    tree = source_tree(module)
    head, _, tail = name.partition(".")
    for item in _statements(tree.body if tree else []):
        if isinstance(item, ast.ClassDef) and item.name == head:
            return f"{module}.{name}"
        if isinstance(item, ast.Assign) and isinstance(item.value, ast.Name):
            if any(isinstance(target, ast.Name) and target.id == head for target in item.targets):
                return _origin(module, item.value.id)
        elif isinstance(item, ast.ImportFrom | ast.Import):
            for alias in item.names:
                if (alias.asname or alias.name) == head:
                    base = f"{_import_base(module, item)}." if isinstance(item, ast.ImportFrom) else ""
                    return f"{base}{alias.name}" + (f".{tail}" if tail else "")
    return None


def _import_base(module: str, item: ast.ImportFrom) -> str:
    """The absolute name of the module that a `from x import y` in `module` reads."""
    if not item.level:
        return item.module or ""
    file = module_file(module)
    package = module if file is not None and file.name == "__init__.py" else module.rpartition(".")[0]
    for _ in range(item.level - 1):
        package = package.rpartition(".")[0]
    return f"{package}.{item.module}" if item.module else package


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """A module's statements, those under `if` and `try` included."""
    for item in body:
        yield item
        if isinstance(item, ast.If | ast.Try):
            yield from _statements(item.body)
            yield from _statements(item.orelse)


def _split(path: str) -> tuple[str, str]:
    module, _, name = path.rpartition(".")
    return module, name


@lru_cache(maxsize=64)
def source_tree(module: str) -> ast.Module | None:
    """A module's source, parsed; None where there is none to be found."""
    file = module_file(module)
    return ast.parse(file.read_text(encoding="utf-8")) if file else None


def module_file(module: str) -> Path | None:
    """The source file of a module, found without importing any package."""
    top, *rest = current_name(module).split(".")
    spec = importlib.util.find_spec(top) if top.isidentifier() and top != "__main__" else None
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for location in spec.submodule_search_locations or []:
        stem = Path(location).joinpath(*rest)
        for file in (stem.with_suffix(".py"), stem / "__init__.py"):
            if file.is_file():
                return file
    return None


@lru_cache(maxsize=1024)
def derives_from(path: str, bases: tuple[str, ...], depth: int = 0) -> bool | None:
    """True if the class at `path` is, or derives from, one of `bases`; None where the source does not show it.

    Args:
        path: import path of a class.
        bases: import paths of classes, where they are defined.
        depth: of the recursion.
    """
    found = _find_class(*_split(path.replace(":", ".")))
    if found is None or depth > 16:
        return None
    if found.path in bases:
        return True
    answers = [_base_derives(found, base, bases, depth) for base in found.node.bases]
    if any(answers):
        return True
    return None if None in answers else False


def _base_derives(found: ClassSource, base: ast.expr, bases: tuple[str, ...], depth: int) -> bool | None:
    plain = base.value if isinstance(base, ast.Subscript) else base  # `Env[Observation, Action]`
    origin = _origin(found.module, ast.unparse(plain))
    return derives_from(origin, bases, depth + 1) if origin else None


def defining_module(path: str, depth: int = 0) -> str | None:
    """The module in which what `path` names is defined, through re-exports; None where the source does not tell."""
    module, name = _split(path.replace(":", "."))
    tree = source_tree(module) if module else None
    if tree is None or depth > 8:
        return None
    for item in _statements(tree.body):
        if isinstance(item, ast.ClassDef | ast.FunctionDef) and item.name == name:
            return module
    origin = _origin(module, name)
    return defining_module(origin, depth + 1) if origin and origin != f"{module}.{name}" else None
