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

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.config.callables.source_files import ClassSource, class_lineage
from rlexp.config.callables.targets import DEFAULT_TRUSTED, locate

BASE = "ray.rllib.algorithms.algorithm_config.AlgorithmConfig"
MODEL = "ray.rllib.core.rl_module.default_model_config.DefaultModelConfig"


@dataclass(frozen=True)
class Keyword:
    """A keyword of a builder method, or a field of the default model's config.

    Attributes:
        name: as RLlib spells it.
        annotation: its type as written in the source, where there is one.
        owner: import path of the class that declares it.
        deprecated: True if RLlib only keeps the name to complain about it.
    """

    name: str
    annotation: str | None
    owner: str
    deprecated: bool = False


@lru_cache(maxsize=256)
def keywords(
    config_class: str, method: str, trusted: tuple[str, ...] = DEFAULT_TRUSTED
) -> dict[str, Keyword]:
    """The keywords that `method` of a config class accepts, those passed on to its bases included.

    Args:
        config_class: import path, e.g. `ray.rllib.algorithms.ppo.PPOConfig`.
        method: a builder method, e.g. `training`.
        trusted: prefixes of modules that may be imported where the source does not show it.

    Raises:
        ConfigError: there is no such config class, or it is not trusted.
    """
    return _merge(
        _source_keywords(cls, method) if isinstance(cls, ClassSource) else _imported_keywords(cls, method)
        for cls in _lineage(config_class, trusted)
    )


def lineage(config_class: str, trusted: Sequence[str] = DEFAULT_TRUSTED) -> list[str]:
    """Where a config class and its bases are defined, as import paths in order of lookup.

    Raises:
        ConfigError: there is no such config class, or it is not trusted.
    """
    return [_path(each) for each in _lineage(config_class, tuple(trusted))]


def algorithm_name(config_class: str) -> str:
    """What people call an algorithm: `PPO`, from the import path of its config class."""
    return config_class.replace(":", ".").rpartition(".")[2].removesuffix("Config")


def is_rllibs(path: str) -> bool:
    """True if RLlib defines the class at `path`."""
    return path.startswith("ray.rllib.")


@lru_cache(maxsize=64)
def _lineage(config_class: str, trusted: tuple[str, ...]) -> Sequence[ClassSource | type]:
    """A config class and its bases, in order of lookup: from the source, or imported where it hides one."""
    if "." not in config_class.replace(":", "."):
        raise _unknown_class(config_class)
    lineage = class_lineage(config_class, last=BASE)
    if lineage is not None and lineage[-1].path == BASE:
        return lineage
    if config_class.startswith("ray."):  # Its source is at hand, so importing it would find no more.
        raise _unknown_class(config_class)
    found = locate(config_class, trusted)
    if not inspect.isclass(found) or not any(_path(base) == BASE for base in found.__mro__):
        raise _unknown_class(config_class)
    return found.__mro__


def _path(cls: ClassSource | type) -> str:
    return cls.path if isinstance(cls, ClassSource) else f"{cls.__module__}.{cls.__qualname__}"


@lru_cache(maxsize=1)
def model_fields() -> dict[str, Keyword]:
    """The fields of RLlib's `DefaultModelConfig`."""
    lineage = class_lineage(MODEL)
    assert lineage, "RLlib moved DefaultModelConfig"
    return {
        item.target.id: Keyword(item.target.id, ast.unparse(item.annotation), MODEL)
        for item in lineage[0].node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }


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
    return Keyword(arg.arg, annotation, cls.path, deprecated)


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
        named.append(Keyword(parameter.name, known, _path(cls), known is None and parameter.default == -1))
    return named, passes_on


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.submodule_search_locations, f"{package} is not installed"
    return Path(next(iter(spec.submodule_search_locations)))
