"""The keywords of RLlib's builder methods, read from its source files: importing RLlib takes seconds.

A keyword of `AlgorithmConfig.training()` and its like is what RLlib itself accepts, so these signatures are
the schema of RLlib's settings. A class that cannot be followed in source (built at run time) is imported.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from rlexp.config.annotations import NUMBER_OR_SCHEDULE, describe, example, matches
from rlexp.config.suggest import nearest
from rlexp.config.targets import DEFAULT_TRUSTED, locate
from rlexp.errors import ConfigError

BASE = "ray.rllib.algorithms.algorithm_config.AlgorithmConfig"
MODEL = "ray.rllib.core.rl_module.default_model_config.DefaultModelConfig"

WIDER = {
    "entropy_coeff": f"Optional[{NUMBER_OR_SCHEDULE}]",
    "grad_clip": "Optional[float]",
    "offline_sampling": "Optional[bool]",
    "num_cpus_per_env_runner": "Optional[Union[int, float]]",
    "num_cpus_for_main_process": "Optional[Union[int, float]]",
}
"""Annotations where RLlib's code takes more than RLlib's annotation says."""


@dataclass(frozen=True)
class Keyword:
    """A keyword of a builder method, or a field of the default model's config.

    Attributes:
        name: as RLlib spells it.
        annotation: its type as written in the source, where there is one.
        owner: the class that declares it.
        deprecated: whether RLlib only keeps the name to complain about it.
    """

    name: str
    annotation: str | None
    owner: str
    deprecated: bool = False


@dataclass(frozen=True)
class ClassSource:
    """A class definition in a source file."""

    module: str
    node: ast.ClassDef


@lru_cache(maxsize=256)
def keywords(
    config_class: str, method: str, trusted: tuple[str, ...] = DEFAULT_TRUSTED
) -> dict[str, Keyword]:
    """The keywords that `method` of a config class accepts, those passed on to its bases included.

    Args:
        config_class: import path, e.g. `ray.rllib.algorithms.ppo.PPOConfig`.
        method: a builder method, e.g. `training`.
        trusted: prefixes of modules that may be imported when the source does not tell.

    Raises:
        ConfigError: there is no such config class, or it is not trusted.
    """
    if "." not in config_class:
        raise _unknown_class(config_class)
    lineage = class_lineage(config_class)
    if lineage is not None and lineage[-1].node.name == "AlgorithmConfig":
        return _merge(_source_keywords(cls, method) for cls in lineage)
    if config_class.startswith("ray."):  # Its source is at hand, so importing it would find no more.
        raise _unknown_class(config_class)
    found = locate(config_class, trusted)
    if not inspect.isclass(found) or not any(base.__name__ == "AlgorithmConfig" for base in found.__mro__):
        raise _unknown_class(config_class)
    return _merge(_imported_keywords(base, method) for base in found.__mro__)


@lru_cache(maxsize=1)
def model_fields() -> dict[str, Keyword]:
    """The fields of RLlib's `DefaultModelConfig`."""
    lineage = class_lineage(MODEL)
    assert lineage, "RLlib moved DefaultModelConfig"
    return {
        item.target.id: Keyword(item.target.id, ast.unparse(item.annotation), "DefaultModelConfig")
        for item in lineage[0].node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }


def annotation_of(keyword: Keyword) -> str | None:
    """The type of what RLlib takes there, which is sometimes more than the type it declares."""
    annotation = WIDER.get(keyword.name, keyword.annotation)
    # In the model group null leaves the choice to the project, so every field may be null.
    return f"Optional[{annotation}]" if keyword.owner == "DefaultModelConfig" else annotation


def check_value(keyword: Keyword, value: Any) -> str | None:
    """What is wrong with the type of `value`, in words, with an example; None when nothing is."""
    annotation = annotation_of(keyword)
    if annotation is None or matches(annotation, value):
        return None
    return f"must be {describe(annotation)}, not {value!r} (for example {example(annotation)})"


def known_config_classes() -> list[str]:
    """Import paths of the config classes of the algorithms that the installed RLlib brings."""
    folder = _package_folder("ray") / "rllib" / "algorithms"
    return [
        f"ray.rllib.algorithms.{source.parent.name}.{name}"
        for source in sorted(folder.glob("*/*.py"))
        if source.stem == source.parent.name
        for name in re.findall(r"^class (\w+Config)\(", source.read_text(encoding="utf-8"), re.MULTILINE)
    ]


def _unknown_class(config_class: str) -> ConfigError:
    known = known_config_classes()
    full = config_class if config_class.endswith("Config") else f"{config_class}Config"
    close = nearest(full, known) or nearest(config_class, known) or known
    return ConfigError(
        f"algorithm.config_class: {config_class} is not a config class of an RLlib algorithm",
        key="algorithm.config_class",
        suggestions=close[:3],
        fix=f"algorithm.config_class={close[0]}",
    )


def _merge(levels: Iterator[tuple[list[Keyword], bool] | None]) -> dict[str, Keyword]:
    """Keywords from the most derived class on, as long as each level passes `**kwargs` to the next."""
    merged: dict[str, Keyword] = {}
    for level in levels:
        if level is None:
            continue
        own, passes_on = level
        for keyword in own:
            merged.setdefault(keyword.name, keyword)
        if not passes_on:
            break
    return merged


def _source_keywords(cls: ClassSource, method: str) -> tuple[list[Keyword], bool] | None:
    """Keywords of the method in this class, and whether it takes `**kwargs`; None if it is not here."""
    for item in cls.node.body:
        if isinstance(item, ast.FunctionDef) and item.name == method:
            args = item.args
            by_position = args.args[1:]
            defaults = [*args.defaults[-len(by_position) :]] if by_position else []
            pairs = [
                *zip(by_position, defaults, strict=False),
                *zip(args.kwonlyargs, args.kw_defaults, strict=True),
            ]
            return [_source_keyword(arg, default, cls) for arg, default in pairs], args.kwarg is not None
    return None


def _source_keyword(arg: ast.arg, default: ast.expr | None, cls: ClassSource) -> Keyword:
    annotation = ast.unparse(arg.annotation) if arg.annotation else None
    deprecated = isinstance(default, ast.Name) and default.id == "DEPRECATED_VALUE"
    return Keyword(arg.arg, annotation, cls.node.name, deprecated)


def _imported_keywords(cls: type, method: str) -> tuple[list[Keyword], bool] | None:
    """As `_source_keywords`, of a class that is imported."""
    function = vars(cls).get(method)
    if function is None:
        return None
    named, passes_on = [], False
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is parameter.VAR_KEYWORD:
            passes_on = True
            continue
        known = (
            None
            if parameter.annotation is parameter.empty
            else inspect.formatannotation(parameter.annotation)
        )
        named.append(Keyword(parameter.name, known, cls.__name__, known is None and parameter.default == -1))
    return named, passes_on


def class_lineage(path: str) -> list[ClassSource] | None:
    """The class at `path` and its bases, in order of lookup; None if the source hides one."""
    module, _, name = path.replace(":", ".").rpartition(".")
    found = _find_class(module, name)
    if found is None:
        return None
    if f"{found.module}.{name}" == BASE or not found.node.bases:
        return [found]
    lineage = [found]
    for base in found.node.bases:
        origin = _origin(found.module, ast.unparse(base))
        above = class_lineage(origin) if origin else None
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
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top) if top.isidentifier() else None
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


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.submodule_search_locations, f"{package} is not installed"
    return Path(next(iter(spec.submodule_search_locations)))
