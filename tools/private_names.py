"""Lists where `rlexp` leans on names that other packages do not promise, and where it patches them.

    python tools/private_names.py            the touches of each file, and a total
    python tools/private_names.py --total    the total and the number of files
    python tools/private_names.py --no-row   those that no row of `rlexp.compat.registry` covers; 1 if there are any

Four kinds of touch, all read from the syntax tree: an import of a private module or name; an attribute `_name` that
the file does not define (of `self`: that no class of rlexp which it may belong to defines); a private name of a foreign
base class that a class of rlexp overrides; an assignment to an attribute of a foreign module or class. The standard
library is not counted.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from defined_names import Definitions, is_self, last_part

from rlexp.compat.registry import ROWS
from rlexp.compat.stock_source import definition

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ray", "torch", "gymnasium", "hydra", "omegaconf", "wandb", "msgpack_numpy", "tree")
"""What is not promised by these is counted: what rlexp depends on, of which it uses more than the documented."""
STANDARD = frozenset(
    # Of the standard library's objects, where no import in the file tells whose they are.
    ("_replace", "_asdict", "_fields", "_make", "_actions")
)

REGISTERED = frozenset(target.name for row in ROWS for target in row.shape)
SETTINGS = frozenset(("torch.backends.cudnn",))
"""Modules whose attributes are documented to be set."""
GENERAL = frozenset(("*place", "owner", "__class__"))
"""Of patches whose places are in variables: the rows name the file, and `setattr` does not say which target."""


class Touch(NamedTuple):
    """One use of what another package does not promise.

    Attributes:
        file: relative to the root of the repository.
        line: its number, from 1.
        kind: `import`, `attribute`, `override` or `patch`.
        name: the module or attribute, as it is written.
    """

    file: str
    line: int
    kind: str
    name: str


def is_private(name: str) -> bool:
    """True for `_name`, not for `_`, `__name__` and names that are documented."""
    return name.startswith("_") and name.strip("_") != "" and not name.endswith("__") and name not in STANDARD


class Reader(ast.NodeVisitor):
    """Collects the touches of one file, as `touches`."""

    def __init__(self, file: str, tree: ast.Module, everywhere: Definitions, local: Definitions) -> None:
        self.file, self.definitions, self.touches = file, everywhere, list[Touch]()
        nodes = list(ast.walk(tree))
        self._imported = _imported(nodes)
        self._standard = _standard(nodes)
        self._local = local
        self._classes: list[ast.ClassDef] = []

    def _add(self, node: ast.AST, kind: str, name: str) -> None:
        self.touches.append(Touch(self.file, getattr(node, "lineno", 0), kind, name))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if _is_foreign(alias.name) and any(map(is_private, alias.name.split("."))):
                self._add(node, "import", alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module and _is_foreign(node.module):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if any(map(is_private, name.split("."))):
                    self._add(node, "import", name)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        foreign = [path for base in node.bases if (path := self._foreign_class(base))]
        for item in node.body:
            for name in [item.name] if isinstance(item, ast.FunctionDef) else _targets(item):
                if is_private(name) and any(definition(f"{path}.{name}") for path in foreign):
                    self._add(item, "override", name)
        self._classes.append(node)
        self.generic_visit(node)
        self._classes.pop()

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Store) and self._is_foreign_place(node.value, node.attr):
            self._add(node, "patch", node.attr)
        elif is_private(node.attr) and not self._is_own(node):
            self._add(node, "attribute", node.attr)

    def _is_own(self, node: ast.Attribute) -> bool:
        """True for a private name that rlexp defines, as far as the file says, and for the standard library's."""
        owner, name = node.value, node.attr
        if isinstance(owner, ast.Call) and last_part(owner.func) == "super" and self._classes:
            own = self.definitions.ancestors(self._classes[-1].name)
            return name in set().union(*(self.definitions.by_class[one] for one in own))
        if is_self(owner):
            of_class = self.definitions.family(self._classes[-1].name) if self._classes else None
            return name in (self.definitions.everywhere if of_class is None else of_class)
        if isinstance(owner, ast.Name) and owner.id in self._standard:
            return True
        return name in self._local.everywhere

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        function = last_part(node.func)
        if function == "setattr" and node.args and self._is_foreign_place(node.args[0], ""):
            self._add(node, "patch", ast.unparse(node.args[0]))
        elif function in ("getattr", "hasattr", "setattr", "attrgetter") and len(node.args) > (
            function != "attrgetter"
        ):
            name = node.args[0 if function == "attrgetter" else 1]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                last = name.value.rsplit(".", 1)[-1]
                own = last in self.definitions.everywhere and last not in REGISTERED
                if is_private(last) and not own and last not in self._local.everywhere:
                    self._add(node, "attribute", last)

    def _is_foreign_place(self, node: ast.expr, attribute: str) -> bool:
        """True for a module or class of another package, as far as its file's imports say, and for `*place`."""
        if attribute == "__class__" or isinstance(node, ast.Starred):  # Whoever's it is.
            return True
        if attribute.endswith("__") or ast.unparse(node) in SETTINGS:
            return False
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self._imported

    def _foreign_class(self, base: ast.expr) -> str:
        """The target of a base class of another package; empty for rlexp's own."""
        first, *rest = ast.unparse(base).split("[")[0].split(".")
        path = ".".join([self._imported.get(first, ""), *rest])
        module, _, name = path.rpartition(".")
        return f"{module}:{name}" if module else ""


def _imported(nodes: list[ast.AST]) -> dict[str, str]:
    """The foreign modules and names that a file binds, by the name that it gives them."""
    bound: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            bound |= {a.asname or a.name.split(".")[0]: a.name for a in node.names if _is_foreign(a.name)}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level and _is_foreign(node.module):
            bound |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    for node in nodes:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Call):
            if last_part(node.value.func) == "import_module":
                bound |= dict.fromkeys(_targets(node), "")
        elif isinstance(node, ast.For) and any(
            last_part(item) in bound for item in getattr(node.iter, "elts", ())
        ):
            bound |= dict.fromkeys((p.id for p in ast.walk(node.target) if isinstance(p, ast.Name)), "")
    return bound


def _standard(nodes: list[ast.AST]) -> set[str]:
    """The modules of the standard library that a file binds, by the name that it gives them."""
    imports = [node for node in nodes if isinstance(node, ast.Import)]
    return {
        alias.asname or alias.name
        for node in imports
        for alias in node.names
        if alias.name.split(".")[0] in sys.stdlib_module_names
    }


def _is_foreign(module: str) -> bool:
    return module.split(".")[0] in PACKAGES


def _targets(node: ast.stmt) -> list[str]:
    """The plain names that a statement assigns to."""
    places = (
        node.targets
        if isinstance(node, ast.Assign)
        else [node.target]
        if isinstance(node, ast.AnnAssign)
        else []
    )
    return [place.id for place in places if isinstance(place, ast.Name)]


def touches(root: Path = ROOT, packages: Iterable[str] = ("rlexp",)) -> Iterator[Touch]:
    """Every touch of the packages' files, file by file and line by line."""
    trees = {
        str(file.relative_to(root)): ast.parse(file.read_text(encoding="utf-8"))
        for package in packages
        for file in sorted((root / package).rglob("*.py"))
    }
    everywhere, local = Definitions(), {file: Definitions() for file in trees}
    for file, tree in trees.items():
        local[file].visit(tree)
        everywhere.merge(local[file])
    for file, tree in trees.items():
        reader = Reader(file, tree, everywhere, local[file])
        reader.visit(tree)
        yield from sorted(set(reader.touches))


def without_row(found: Iterable[Touch]) -> Iterator[Touch]:
    """Those whose file is named by no row that has the name among its targets."""
    rows: dict[str, set[str]] = defaultdict(set)
    for row in ROWS:
        parts = {part for target in row.shape for part in target.path.replace(":", ".").split(".")}
        for file in row.files:
            rows[f"rlexp/{file}"] |= parts | set(row.made)
    for touch in found:
        if touch.name not in GENERAL and not set(touch.name.split(".")) <= rows[touch.file]:
            yield touch


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--total", action="store_true", help="print the total and the number of files alone")
    parser.add_argument(
        "--no-row", action="store_true", help="print those that no row covers; 1 if there are any"
    )
    arguments = parser.parse_args(argv)
    found = touches()
    by_file: dict[str, list[Touch]] = defaultdict(list)
    for touch in without_row(found) if arguments.no_row else found:
        by_file[touch.file].append(touch)
    if not arguments.total:
        for file, those in by_file.items():
            print(f"{file}: {len(those)}")
            print(*(f"    {one.line}: {one.kind} {one.name}" for one in those), sep="\n")
    missing = " without a row" if arguments.no_row else ""
    print(f"{sum(map(len, by_file.values()))} touches{missing} in {len(by_file)} files")
    return int(arguments.no_row and bool(by_file))


if __name__ == "__main__":
    sys.exit(main())
