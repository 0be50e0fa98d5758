"""Callables named in YAML: found by import path, only in trusted modules, and called with checked arguments.

A run folder may come from a stranger, so a path is no permission: the module it begins in must be trusted,
every module it passes through too, and the object must have been defined in a trusted one.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.suggest import nearest
from rlexp.config.callables.spec_arguments import TARGET as TARGET
from rlexp.config.callables.spec_arguments import arguments_of, check_call

DEFAULT_TRUSTED = ("rlexp", "envs", "callbacks", "ray.rllib", "gymnasium", "minigrid", "ale_py")
"""Modules whose classes and functions any config may name."""

NEVER_TRUSTED = frozenset(
    (
        "builtins",
        "os",
        "posix",
        "nt",
        "subprocess",
        "_posixsubprocess",
        "sys",
        "importlib",
        "_frozen_importlib",
    )
    + ("runpy", "pickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve", "shutil", "logging", "code")
    + ("codeop", "ctypes", "_ctypes", "pty", "socket", "_socket", "multiprocessing", "webbrowser", "pip")
)
"""Top modules refused even when listed as trusted: each can run or destroy anything."""

LOADERS = (
    "rlexp.config",
    "rlexp.cli",
    "gymnasium.envs.registration",
    "gymnasium.vector.utils.misc",
    "ray.rllib.algorithms.mock",
    "ray.rllib.connectors.agent.state_buffer",
    "ray.rllib.env.policy_client",
    "ray.rllib.offline.json_reader",
    "ray.rllib.utils.checkpoints",
    "ray.rllib.utils.compression",
    "ray.rllib.utils.from_config",
    "ray.rllib.utils.policy",
    "ray.rllib.utils.serialization",
    "ray.rllib.utils.test_utils",
)
"""Parts of trusted packages that import, unpickle or run what their arguments name: a way around the rest."""

MAIN = "__main__"
"""The script or notebook that a person runs: its classes may be named, from Python."""

brought: dict[str, Any] = {}
"""What paths of the script or notebook name, in other processes; see `rlexp.environment.pickled_by_value`."""

_EXAMPLE = "a path like envs.mine.MyEnv or envs.mine:MyEnv"


def trusted_in(listed: Any) -> tuple[str, ...]:
    """The modules that a plain config's `trusted` lists; the default ones where it lists none, or is no list."""
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    return tuple(names) or DEFAULT_TRUSTED


def is_trusted(module: str, trusted: Sequence[str]) -> bool:
    """True if `module` lies in one of the trusted prefixes, compared by whole dotted parts."""
    if module.partition(".")[0] in NEVER_TRUSTED or within(module, LOADERS):
        return False
    return within(module, trusted)


def locate(path: str, trusted: Sequence[str]) -> Any:
    """Imports the class or module-level function at `a.b.C` or `a.b:C`.

    Raises:
        ConfigError: the path is malformed, not trusted (at any step), or names nothing that is there.
    """
    parts = _parts(path)
    if parts[0] == MAIN:
        return _of_script(path, parts, trusted)
    if not is_trusted(".".join(parts[:-1]), trusted):
        raise untrusted(path, ".".join(parts[:-1]))
    root = next(prefix for prefix in sorted(trusted, key=len) if within(".".join(parts[:-1]), (prefix,)))
    found: Any = _import(root, path)
    for depth in range(root.count(".") + 1, len(parts)):
        found = _step(found, parts, depth, path)
        _refuse_foreign(found, path, trusted)
    if isinstance(found, ModuleType):
        raise ConfigError(f"{path} is a module, not a class or a function of one", fix=_EXAMPLE)
    return found


def _of_script(path: str, parts: list[str], trusted: Sequence[str]) -> Any:
    """A class or function of the script or notebook itself, which has no spec and no other name."""
    if MAIN not in trusted:
        raise untrusted(path, MAIN)
    name = ".".join(parts)
    found = brought.get(name)
    if found is None:
        found = importlib.import_module(MAIN)
        for part in parts[1:]:
            found = vars(found).get(part) if isinstance(found, (ModuleType, type)) else None
    if not (inspect.isclass(found) or inspect.isroutine(found)):
        raise ConfigError(
            f"{path} is not here: it is of the script or notebook that began the run, and this is another program",
            fix="go on from there (rlexp.resume, rlexp.evaluate, ... in Python), or move it into a module",
        )
    return found


def build(spec: Mapping[str, Any], trusted: Sequence[str], *args: Any, **kwargs: Any) -> Any:
    """Calls what `{_target_: path, **arguments}` names; specs among the arguments are built first.

    Args:
        spec: the callable's path and its arguments.
        trusted: prefixes of the modules it may come from.
        *args: given by the caller before the spec's arguments, e.g. the environment to wrap.
        **kwargs: given by the caller beside the spec's arguments, which must not name them again.

    Raises:
        ConfigError: see `check`. What the callable itself raises passes unchanged.
    """
    target = check(spec, trusted, positional=len(args), given=tuple(kwargs))
    return target(*args, **_built(arguments_of(spec), trusted), **kwargs)


def check(
    spec: Mapping[str, Any],
    trusted: Sequence[str],
    *,
    positional: int = 0,
    given: Sequence[str] = (),
    key: str | None = None,
    nested: bool = True,
) -> Any:
    """Locates the target and checks that its arguments fit its signature, without calling it; nested specs too.

    Args:
        spec: the callable's path and its arguments.
        trusted: prefixes of the modules it may come from.
        positional: how many positional arguments the caller of `build` will add.
        given: names of the keyword arguments the caller of `build` will add.
        key: the config key that holds the spec, for the message.
        nested: whether specs among the arguments are checked; not so where the target builds them itself.

    Returns:
        The callable.

    Raises:
        ConfigError: untrusted or missing target, unknown, missing or doubly given arguments.
    """
    try:
        arguments = arguments_of(spec)
        target = locate(spec[TARGET], trusted)
        check_call(target, spec[TARGET], arguments, positional, given)
    except ConfigError as error:
        if key is None or error.key is not None:
            raise
        text = f"{key}: {str(error).partition(chr(10))[0]}"
        raise ConfigError(text, key=key, suggestions=error.suggestions, fix=error.fix) from None
    for name, value in arguments.items() if nested else ():
        _check_nested(value, trusted, f"{key}.{name}" if key else name)
    return target


def within(module: str, prefixes: Sequence[str]) -> bool:
    """True if a dotted name lies in one of the prefixes, compared by whole dotted parts."""
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


def _parts(path: str) -> list[str]:
    """The path's names, after checking its form."""
    if not isinstance(path, str):
        raise ConfigError(f"{TARGET} must be an import path, not {path!r}", fix=f"{TARGET}: envs.mine.MyEnv")
    parts = path.replace(":", ".", 1).split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise ConfigError(f"{path!r} is not an import path", fix=_EXAMPLE)
    if any(part.startswith("__") for part in parts[parts[0] == MAIN :]):
        raise ConfigError(f"{path} is refused: a config may not reach names that begin with two underscores")
    return parts


def untrusted(path: str, module: str) -> ConfigError:
    """The refusal of `path`, because of `module`, and how to trust it where that is allowed."""
    if module.partition(".")[0] in NEVER_TRUSTED or within(module, LOADERS):
        return ConfigError(f"{path} is refused: {module} can load or run anything, so no config may name it")
    return ConfigError(
        f"{path} is refused: {module} is not among the trusted modules",
        fix=trust_it(module),
    )


def trust_it(module: str) -> str:
    """The override that adds a module's package to the trusted ones."""
    top = module.partition(".")[0]
    return f"trusted=+{top}, if you trust all of {top}"


def _import(module: str, path: str) -> ModuleType:
    """Imports `module`, telling an absent module from one that fails while it is imported."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and within(module, (error.name,)):
            raise ConfigError(f"{path}: there is no module {error.name}", fix=_findable(error.name)) from None
        raise ConfigError(
            f"{path}: {module} needs {error.name}, which is not installed",
            fix=f"install the package that has the module {error.name}",
        ) from error
    except Exception as error:
        raise ConfigError(f"{path}: importing {module} failed: {type(error).__name__}: {error}") from error


def _findable(module: str) -> str | None:
    """How a module of one's own is found; None where its package is, and only the module is not there."""
    if "." in module:
        return None
    beside = Path(module).is_dir() or Path(f"{module}.py").is_file()
    where = (
        "PYTHONPATH=. before the command"
        if beside
        else f"PYTHONPATH=<the folder of {module}> before the command"
    )
    return f"{where}, or a lab of your own (rlexp init DIR), in which it is found"


def _step(owner: Any, parts: list[str], depth: int, path: str) -> Any:
    """The object one name further along the path: an attribute, or else a submodule."""
    name, here = parts[depth], ".".join(parts[:depth])
    if not isinstance(owner, ModuleType) and not _nested_class(owner, name):
        raise ConfigError(f"{path}: {name} is not a class of {here}; name a class or a function of a module")
    found = getattr(owner, name, None)
    is_last = depth == len(parts) - 1
    if isinstance(found, (ModuleType, type)) or (found is not None and is_last):
        return found
    # Only a package can hold more modules; asking others would import beside the trusted one.
    if hasattr(owner, "__path__") and importlib.util.find_spec(f"{owner.__name__}.{name}") is not None:
        return _import(f"{owner.__name__}.{name}", path)
    raise ConfigError(f"{path}: {here} has no {name}", suggestions=nearest(name, _names_in(owner)))


def _nested_class(owner: Any, name: str) -> bool:
    """True if `name` is a class inside the class `owner`; methods are out of reach, some of them unpickle."""
    return isinstance(owner, type) and isinstance(vars(owner).get(name), type)


def _names_in(owner: Any) -> list[str]:
    """What a path could go on with: the classes, functions and submodules of `owner`."""
    import pkgutil

    own = [name for name, value in vars(owner).items() if callable(value) and not name.startswith("_")]
    return own + [module.name for module in pkgutil.iter_modules(getattr(owner, "__path__", []))]


def _refuse_foreign(found: Any, path: str, trusted: Sequence[str]) -> None:
    """Refuses a mere value, and an object that a trusted module imported from an untrusted one."""
    if not (isinstance(found, ModuleType) or inspect.isclass(found) or inspect.isroutine(found)):
        raise ConfigError(f"{path} is refused: it is no class or function but of type {type(found).__name__}")
    home = found.__name__ if isinstance(found, ModuleType) else getattr(found, "__module__", None)
    if home is None or not is_trusted(home, trusted):
        raise untrusted(path, home or type(found).__module__)


def _check_nested(value: Any, trusted: Sequence[str], key: str) -> None:
    if isinstance(value, Mapping) and TARGET in value:
        check(value, trusted, key=key)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            _check_nested(inner, trusted, f"{key}.{name}")
    elif isinstance(value, (list, tuple)):
        for position, inner in enumerate(value):
            _check_nested(inner, trusted, f"{key}[{position}]")


def _built(value: Any, trusted: Sequence[str]) -> Any:
    """A copy of `value` with every nested spec replaced by what it builds."""
    if isinstance(value, Mapping):
        if TARGET in value:
            return build(value, trusted)
        return {name: _built(inner, trusted) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_built(inner, trusted) for inner in value]
    return value
