"""Type annotations as text: does a plain value fit one, how to say it in words, and an example to write.

RLlib's annotations are read from its source without importing it, so they are text here, in the spelling of
`typing` (`Optional[Union[int, str]]`) or of the language (`int | None`).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

NUMBER_OR_SCHEDULE = "LearningRateOrSchedule"
"""RLlib's name for a number, or `[[env_step, number], ...]` beginning at step 0."""

_WORDS = {
    "int": ("an integer", "1"),
    "float": ("a number", "0.5"),
    "bool": ("true or false", "true"),
    "str": ("text", "a_name"),
    "dict": ("a mapping", "{key: value}"),
    "list": ("a list", "[1, 2]"),
    "None": ("null", "null"),
    NUMBER_OR_SCHEDULE: ("a number or a schedule [[env_step, value], ...] from step 0", "0.001"),
}
_SAME = {
    "Dict": "dict",
    "Mapping": "dict",
    "EnvConfigDict": "dict",
    "AlgorithmConfigDict": "dict",
    "PartialAlgorithmConfigDict": "dict",
    "Target": "dict",
    "List": "list",
    "Tuple": "list",
    "tuple": "list",
    "Collection": "list",
    "Sequence": "list",
    "ConvFilterSpec": "list",
}
_PLAIN = {"bool": bool, "str": str, "dict": Mapping, "list": (list, tuple)}


def matches(annotation: str | None, value: Any) -> bool:
    """True if a plain value (of YAML's types) can be of the annotated type; unknown types take anything."""
    return annotation is None or _fits(_parse(annotation), value)


def fitted(annotation: str, value: Any) -> tuple[bool, Any]:
    """Whether a plain value fits, and the value in its type: a float without a fraction (`1e6`) counts as an integer.

    Containers are copied, so that what is made of a config shares none with it.
    """
    if matches(annotation, value):
        return True, _copy(value)
    if isinstance(value, float) and value.is_integer() and matches(annotation, int(value)):
        return True, int(value)
    return False, None


def takes_null(annotation: str) -> bool:
    """True if None may be of the type: it says so, or its name is not known here and may stand for anything."""
    names = [_name(member) for member in _alternatives(_parse(annotation))]
    return any(name in ("None", "Any") or name not in (*_PLAIN, *_WORDS, "Literal") for name in names)


def describe(annotation: str) -> str:
    """The type in words, e.g. `an integer or null`."""
    return " or ".join(dict.fromkeys(_word(node) for node in _alternatives(_parse(annotation))))


def example(annotation: str) -> str:
    """A value of the type, as one would write it in YAML."""
    first = _alternatives(_parse(annotation))[0]
    if _name(first) == "Literal" and isinstance(first, ast.Subscript):
        return str(_arguments(first)[0].value)  # type: ignore[attr-defined]
    if _name(first) == "list" and isinstance(first, ast.Subscript):
        inner = example(ast.unparse(_arguments(first)[0]))
        return f"[{inner}, {inner}]"
    return _WORDS.get(_name(first), ("", "a_value"))[1]


@lru_cache(maxsize=1024)
def _parse(annotation: str) -> ast.expr:
    try:
        return ast.parse(annotation.strip(), mode="eval").body
    except SyntaxError:  # The text of an imported object, such as <class 'x'>: no judgement.
        return ast.Name("?")


def _name(node: ast.expr) -> str:
    """The type's own name, without its arguments and module, in this module's spelling."""
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    if isinstance(node, ast.Constant):
        return "None" if node.value is None else "?"
    text = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else "?"
    return _SAME.get(text, text)


def _arguments(node: ast.Subscript) -> list[ast.expr]:
    return list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]


def _alternatives(node: ast.expr) -> list[ast.expr]:
    """The members of a union, flat; a type that is no union is its own only member."""
    if isinstance(node, ast.BinOp):
        return _alternatives(node.left) + _alternatives(node.right)
    if isinstance(node, ast.Subscript) and _name(node) == "Union":
        return [member for part in _arguments(node) for member in _alternatives(part)]
    if isinstance(node, ast.Subscript) and _name(node) == "Optional":
        inner = _alternatives(_arguments(node)[0])
        return [*(member for member in inner if _name(member) != "None"), ast.Constant(None)]
    return [node]


def _fits(node: ast.expr, value: Any) -> bool:
    return any(_fits_one(member, value) for member in _alternatives(node))


def _fits_one(node: ast.expr, value: Any) -> bool:
    name = _name(node)
    if name == "None":
        return value is None
    if name == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "float":
        return is_number(value)
    if name == NUMBER_OR_SCHEDULE:
        return is_number(value) or is_schedule(value)
    if name == "Literal" and isinstance(node, ast.Subscript):
        return value in [getattr(choice, "value", None) for choice in _arguments(node)]
    if name not in _PLAIN:
        return (
            name == "Any" or value is not None
        )  # A class, a callable, an alias not known here: no judgement.
    if not isinstance(value, _PLAIN[name]):  # type: ignore[arg-type]
        return False
    return _fit_inside(node, name, value) if isinstance(node, ast.Subscript) else True


def _fit_inside(node: ast.Subscript, name: str, value: Any) -> bool:
    """True if the members of a list, tuple or mapping fit their annotations."""
    parts = _arguments(node)
    if name == "dict":
        return len(parts) < 2 or all(_fits(parts[0], k) and _fits(parts[1], v) for k, v in value.items())
    ends_open = len(parts) > 1 and isinstance(parts[-1], ast.Constant) and parts[-1].value is ...
    is_tuple = getattr(node.value, "id", getattr(node.value, "attr", "")) in ("Tuple", "tuple")
    if is_tuple and not ends_open:
        return len(value) == len(parts) and all(_fits(p, v) for p, v in zip(parts, value, strict=True))
    return all(_fits(parts[0], member) for member in value)


def is_number(value: Any) -> bool:
    """True if `value` is an int or a float, which a bool is not here."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_schedule(value: Any) -> bool:
    """True if `value` is `[[env_step, number], ...]`: from step 0, steps rising, two points at least."""
    if not isinstance(value, (list, tuple)) or len(value) < 2:
        return False
    if not all(isinstance(point, (list, tuple)) and len(point) == 2 for point in value):
        return False
    if not all(is_number(step) and step == int(step) and is_number(number) for step, number in value):
        return False
    steps = [step for step, _ in value]
    return steps[0] == 0 and all(a < b for a, b in zip(steps, steps[1:], strict=False))


def _word(node: ast.expr) -> str:
    name = _name(node)
    if isinstance(node, ast.Subscript):
        parts = _arguments(node)
        if name == "Literal":
            return "one of " + ", ".join(str(getattr(part, "value", "?")) for part in parts)
        if name == "list" and not isinstance(parts[0], ast.Name | ast.Subscript):
            return "a list"
        if name == "list":
            return f"a list (each {describe(ast.unparse(parts[0]))})"
    return _WORDS.get(name, (ast.unparse(node), ""))[0]


def parts(annotation: str) -> list[str]:
    """The arguments of a list or mapping type as text: `["str", "int"]` for `dict[str, int]`."""
    node = _parse(annotation)
    is_generic = isinstance(node, ast.Subscript) and _name(node) in ("dict", "list")
    return [ast.unparse(part) for part in _arguments(node)] if is_generic else []  # type: ignore[arg-type]


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _copy(inner) for name, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, (list, tuple)) else value
