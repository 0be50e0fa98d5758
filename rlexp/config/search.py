"""Where choices come from: the shipped `conf/`, and the `conf/` of the lab repository one stands in."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rlexp.errors import ConfigError


@dataclass(frozen=True)
class Lab:
    """A lab's own repository: a `pyproject.toml` with a `[tool.rlexp]` table.

    Attributes:
        root: folder of that file; goes on `sys.path`.
        conf: its folder of choices, beside the shipped ones on Hydra's search path.
        packages: its top-level packages; their functions and classes may be named in configs.
    """

    root: Path
    conf: Path
    packages: tuple[str, ...]


def shipped_conf() -> Path:
    """Folder of the shipped choices: inside the package when installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


def find_lab(start: Path | None = None) -> Lab | None:
    """The lab repository at or above `start` (the working directory), or None.

    `RLEXP_LAB` names its folder instead.
    """
    named = os.environ.get("RLEXP_LAB")
    here = Path(named) if named else (start or Path.cwd())
    for folder in (here, *here.resolve().parents):
        if lab := _read_lab(folder):
            return lab
    if named:
        raise ConfigError(
            f"RLEXP_LAB={named} has no pyproject.toml with a [tool.rlexp] table", fix="rlexp init DIR"
        )
    return None


def _read_lab(folder: Path) -> Lab | None:
    file = folder / "pyproject.toml"
    if not file.is_file():
        return None
    text = file.read_text(encoding="utf-8")
    if "[tool.rlexp]" not in text:
        return None
    table = _load_toml(text, file)["tool"]["rlexp"]
    conf = folder / table.get("conf", "conf")
    if not conf.is_dir():
        raise ConfigError(f"{file}: [tool.rlexp] conf = {str(conf)!r} is no folder")
    return Lab(folder.resolve(), conf.resolve(), tuple(table.get("packages", ())))


def _load_toml(text: str, file: Path) -> dict:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from error


@lru_cache(maxsize=1)
def shipped_root() -> Path:
    """Folder that the shipped `envs` and `callbacks` packages are imported from."""
    return Path(__file__).resolve().parent.parent.parent


def import_paths() -> list[str]:
    """Folders that this process and every remote one need on `sys.path`: the lab's and the shipped packages'."""
    lab = find_lab()
    return [*([str(lab.root)] if lab else []), str(shipped_root())]


def extend_sys_path() -> None:
    """Makes the lab's packages importable here, behind what is already found."""
    for path in import_paths():
        if path not in sys.path:
            sys.path.append(path)


def config_dirs() -> list[Path]:
    """Folders of choices in the order they are searched: shipped first, then the lab's, then `RLEXP_SEARCH_PATH`."""
    lab = find_lab()
    extra = [Path(p) for p in os.environ.get("RLEXP_SEARCH_PATH", "").split(os.pathsep) if p]
    return [shipped_conf(), *([lab.conf] if lab else []), *extra]
