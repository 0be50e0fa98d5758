"""Which names a package defines, class by class, read from its syntax trees; see `private_names.py`."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Mapping


class Definitions(ast.NodeVisitor):
    """Which private names rlexp defines: everywhere, and class by class.

    Attributes:
        everywhere: of classes, functions, modules, fields, `self._name = ...` and `__slots__`.
        by_class: the same, of each class by its bare name.
        bases: the bare names of each class's bases.
    """

    def __init__(self) -> None:
        self.everywhere: set[str] = set()
        self.by_class: dict[str, set[str]] = defaultdict(set)
        self.bases: dict[str, set[str]] = defaultdict(set)
        self._classes: list[str] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.bases[node.name] |= {part for base in node.bases if (part := last_part(base))}
        self._add(node.name)
        self._classes.append(node.name)
        self.generic_visit(node)
        self._classes.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._add(node.name)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._add(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Store) and is_self(node.value):
            self._add(node.attr)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if any(last_part(target) == "__slots__" for target in node.targets):
            for part in ast.walk(node.value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    self._add(part.value)
        self.generic_visit(node)

    def _add(self, name: str) -> None:
        self.everywhere.add(name)
        if self._classes:
            self.by_class[self._classes[-1]].add(name)

    def merge(self, other: Definitions) -> None:
        """Adds those of another file."""
        self.everywhere |= other.everywhere
        for own, others in ((self.by_class, other.by_class), (self.bases, other.bases)):
            for name, those in others.items():
                own[name] |= those

    def ancestors(self, name: str) -> set[str]:
        """The classes of rlexp that a class derives from, as far as bare names say."""
        return _reached(name, self.bases) & set(self.by_class)

    def family(self, name: str) -> set[str]:
        """The names that a class defines, those that it derives from and those that derive from one of them."""
        children: dict[str, set[str]] = defaultdict(set)
        for child, bases in self.bases.items():
            for base in bases:
                children[base].add(child)
        related = {name} | self.ancestors(name) | _reached(name, children)
        return set().union(*(self.by_class[one] for one in related))


def _reached(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    reached, rest = set[str](), [start]
    while rest:
        for other in edges.get(rest.pop(), set()) - reached:
            reached.add(other)
            rest.append(other)
    return reached


def is_self(node: ast.expr) -> bool:
    """True for `self` and `cls`."""
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def last_part(node: ast.expr) -> str:
    """The last part of a dotted name, subscripts left out; empty for other expressions."""
    if isinstance(node, ast.Subscript):
        node = node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
