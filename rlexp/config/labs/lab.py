"""A lab's own repository: a folder whose `pyproject.toml` has a `[tool.rlexp]` table."""

from __future__ import annotations

import shlex
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from rlexp.base.errors import ConfigError
from rlexp.base.files.ownership import read_small

SHIPPED_PACKAGES = ("envs", "callbacks")
"""Packages that come with rlexp; a lab's have other names."""

PROJECT_FILE = "pyproject.toml"
_KEYS = ("conf", "packages")
_LARGEST = 1 << 20  # bytes


class Lab(NamedTuple):
    """A lab's own repository.

    Attributes:
        root: its folder; goes on `sys.path`.
        conf: its folder of choices, beside the shipped ones on Hydra's search path.
        packages: its top-level packages; their functions and classes may be named in configs.
    """

    root: Path
    conf: Path
    packages: tuple[str, ...]


def read_lab(folder: Path) -> Lab | None:
    """The lab in `folder`, or None where there is no `[tool.rlexp]`.

    Raises:
        ConfigError: the table is there and wrong, or the file cannot be read.
    """
    file = folder / PROJECT_FILE
    if not file.is_file():
        return None
    table = _table(file)
    if table is None:
        return None
    root = folder.resolve()
    _refuse_unknown(table, file)
    return Lab(root, _conf(table, root, file), _packages(table, file))


def _table(file: Path) -> dict[str, Any] | None:
    """The `[tool.rlexp]` table."""
    try:
        text = read_small(file, _LARGEST).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    if "rlexp" not in text:  # somebody else's project, whose mistakes are not ours to tell
        return None
    try:
        tool = _parsed(text).get("tool")
    except ValueError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from error
    table = tool.get("rlexp") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{file}: tool.rlexp must be a table, got {table!r}", fix="[tool.rlexp]")
    return table


@lru_cache(maxsize=16)
def _parsed(text: str) -> dict[str, Any]:
    """The labs above a folder are looked up several times for one config, and parsing takes longer than the rest."""
    import tomllib

    return tomllib.loads(text)


def _refuse_unknown(table: dict[str, Any], file: Path) -> None:
    for key in table:
        if key not in _KEYS:
            from rlexp.base.suggest import nearest

            raise ConfigError(
                f"{file}: [tool.rlexp] has no key {key!r} (there are: {', '.join(_KEYS)})",
                key=f"tool.rlexp.{key}",
                suggestions=nearest(key, _KEYS),
            )


def _conf(table: dict[str, Any], root: Path, file: Path) -> Path:
    key, value = "tool.rlexp.conf", table.get("conf", "conf")
    if not isinstance(value, str):
        raise ConfigError(
            f"{file}: [tool.rlexp] conf must be a folder's name, got {value!r}", key=key, fix='conf = "conf"'
        )
    conf = (root / value).resolve()
    if not conf.is_dir():
        raise ConfigError(
            f"{file}: [tool.rlexp] conf = {value!r}: there is no folder {conf}",
            key=key,
            fix=f"mkdir {shlex.quote(str(conf))}",
        )
    return conf


def _packages(table: dict[str, Any], file: Path) -> tuple[str, ...]:
    key, value = "tool.rlexp.packages", table.get("packages", [])
    if not isinstance(value, list) or not all(
        isinstance(name, str) and name.isidentifier() for name in value
    ):
        raise ConfigError(
            f"{file}: [tool.rlexp] packages must be a list of package names, got {value!r}",
            key=key,
            fix='packages = ["my_lab"]',
        )
    if taken := [name for name in value if name in (*SHIPPED_PACKAGES, "rlexp")]:
        raise ConfigError(
            f"{file}: [tool.rlexp] packages: rlexp has its own {', '.join(taken)}; use another name",
            key=key,
            fix='packages = ["my_lab"], and rename the folder',
        )
    return tuple(value)
