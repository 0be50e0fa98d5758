"""Where choices and packages come from: the shipped ones, those of the lab repository in use, and of installed labs.

A checkout has `conf/`, `envs/` and `callbacks/` in its top folder. A wheel keeps them inside `rlexp`, so that
nothing but `rlexp` is installed under a name that others may use too. Either way they are imported as `envs`
and `callbacks`, from a folder at the end of `sys.path`: they hide nobody's modules, and what hides them is an
error.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

from rlexp.base.errors import ConfigError
from rlexp.base.shell_commands import shell_command
from rlexp.config.labs.installed import installed_labs
from rlexp.config.labs.known import is_known_lab, remember_lab
from rlexp.config.labs.lab import SHIPPED_PACKAGES, Lab, read_lab

__all__ = [
    "Lab",
    "config_dirs",
    "extend_sys_path",
    "find_lab",
    "import_paths",
    "is_record",
    "lab_candidates",
    "lab_of",
    "lab_variable",
    "labs_in_use",
    "other_lab",
    "remember_lab_in_use",
    "shipped_conf",
    "shipped_root",
    "trusted_here",
]

_refused: set[Path] = set()
"""Labs of which a warning has said that they are left out."""
_PACKAGE = Path(__file__).resolve().parents[2]


def shipped_conf() -> Path:
    """Folder of the shipped choices."""
    inside = _PACKAGE / "conf"
    return inside if inside.is_dir() else _PACKAGE.parent / "conf"


@lru_cache(maxsize=1)
def shipped_root() -> Path:
    """Folder that the shipped `envs` and `callbacks` packages are imported from."""
    inside = _PACKAGE / "shipped"
    return inside if inside.is_dir() else _PACKAGE.parent


_of_run: ContextVar[Lab | None] = ContextVar("lab of the run that is opened", default=None)
_other: ContextVar[Lab | None] = ContextVar(
    "lab around the run that is opened, which is not used", default=None
)


def find_lab(start: Path | None = None) -> Lab | None:
    """The lab repository of the run that is opened, else the one at or above `start` (the working directory).

    `RLEXP_LAB` names its folder instead of both.

    One that others own or may write to is left out, which is said once; `rlexp lab trust` takes it in.

    Raises:
        ConfigError: its `[tool.rlexp]` table is wrong, or `RLEXP_LAB` names no lab.
    """
    named = os.environ.get("RLEXP_LAB")
    if named:
        if lab := read_lab(Path(named).expanduser()):
            return lab
        raise ConfigError(
            f"RLEXP_LAB={named}: there is no pyproject.toml with a [tool.rlexp] table in that folder",
            key="RLEXP_LAB",
            fix="RLEXP_LAB=<folder that rlexp init made>",
        )
    return (_of_run.get() if start is None else None) or _nearest(lab_candidates(start))


def _nearest(candidates: Iterable[Lab]) -> Lab | None:
    """The first that nobody else can have written; says of each before it why it is left out."""
    from rlexp.config.labs.lab_ownership import why_not

    for lab in candidates:
        reason = why_not(lab)
        if reason is None:
            return lab
        if lab.root not in _refused:
            _refused.add(lab.root)
            import logging

            logging.getLogger(__name__).warning(
                "the lab in %s is not used: %s; if you trust it, write: %s",
                *(lab.root, reason, shell_command("lab", "trust", lab.root)),
            )
    return None


def lab_candidates(start: Path | None = None) -> Iterator[Lab]:
    """The lab repositories at or above `start` (the working directory), the nearest first; whoever owns them.

    A run's or a sweep's folder, and what lies in one, is none: it may come from a stranger.

    Raises:
        ConfigError: the `[tool.rlexp]` table of one is wrong.
    """
    here = (start or Path.cwd()).resolve()
    above = [here, *here.parents]
    records = [depth for depth, folder in enumerate(above) if is_record(folder)]
    for folder in above[max(records) + 1 if records else 0 :]:
        if lab := read_lab(folder):
            yield lab


def is_record(folder: Path) -> bool:
    """True if a folder looks like a run's or a sweep's."""
    return any((folder / name).is_file() for name in ("manifest.json", "plan.json"))


def _lab_around(folder: Path) -> Lab | None:
    """The lab around a run's folder; None where a stranger's table is wrong, which is nobody's fault here."""
    try:
        return _nearest(lab_candidates(folder))
    except ConfigError:
        here = folder.resolve()
        if any(is_known_lab(each) for each in (here, *here.parents)):
            raise
        return None


@contextmanager
def lab_of(folder: Path) -> Iterator[None]:
    """Meanwhile the lab in use is the one around a run's folder, if the user works in that; else as before.

    Its packages can be imported from here on.

    Args:
        folder: of a run, a checkpoint or a sweep.

    Raises:
        ConfigError: as `find_lab` and `extend_sys_path`.
    """
    around = _lab_around(folder)
    known = around is not None and is_known_lab(around.root)
    before = find_lab()
    used = _of_run.set(around if known else _of_run.get())
    other = _other.set(None if known or around == before else around)
    try:
        extend_sys_path()
        yield
    finally:
        _other.reset(other)
        _of_run.reset(used)


def lab_variable() -> dict[str, str]:
    """What other processes need to find the lab of the run that is opened; nothing where they find it by themselves."""
    lab = _of_run.get()
    return {} if lab is None or lab == _nearest(lab_candidates()) else {"RLEXP_LAB": str(lab.root)}


def other_lab() -> Lab | None:
    """The lab around the run that is being opened, where nothing says that it is the user's own."""
    return _other.get()


def remember_lab_in_use() -> None:
    """Notes that the user works in the lab in use: its runs are then opened with it from other folders, too."""
    if lab := find_lab():
        remember_lab(lab.root)


def labs_in_use() -> tuple[Lab, ...]:
    """The lab repository in use, and the installed labs that have no package in common with it.

    Raises:
        ConfigError: as `find_lab`.
    """
    lab = find_lab()
    if lab is None:
        return installed_labs()
    return (lab, *(other for other in installed_labs() if not set(other.packages) & set(lab.packages)))


def trusted_here() -> list[str]:
    """The modules that are trusted in this place: the shipped ones and the labs'."""
    from rlexp.config.callables.targets import DEFAULT_TRUSTED  # Takes long to import, for a TAB.

    of_labs = (package for lab in labs_in_use() for package in lab.packages)
    return list(dict.fromkeys([*DEFAULT_TRUSTED, *of_labs]))


def import_paths() -> list[str]:
    """Folders that this process and every remote one need on `sys.path`: the lab's, the shipped packages'.

    An installed lab's lies there already; before the standard library, as in `PYTHONPATH`, it must not stand.
    """
    lab = find_lab()
    return [*([str(lab.root)] if lab else []), str(shipped_root())]


def extend_sys_path() -> None:
    """Makes the shipped and the lab's packages importable here, behind what is already found.

    Raises:
        ConfigError: a module of the same name is found first, or the lab lists a package that is missing.
    """
    sys.path.extend(path for path in import_paths() if path not in sys.path)
    for name in SHIPPED_PACKAGES:
        _require(name, shipped_root(), "rlexp's own package")
    for lab in labs_in_use():
        for name in lab.packages:
            _require(name, lab.root, "the lab's package")


def _require(name: str, root: Path, whose: str) -> None:
    """`import name` must find the module in `root`, where there is one."""
    found = _origin(name)
    expected = next((path for path in (root / name, root / f"{name}.py") if path.exists()), None)
    if found is None:
        raise ConfigError(
            f"{root / 'pyproject.toml'}: [tool.rlexp] packages names {name!r}, and there is no such package",
            key="tool.rlexp.packages",
            fix=f"mkdir {root / name}, or take the name out",
        )
    if expected is not None and found != expected.resolve():
        raise ConfigError(
            f"{found} hides {whose} {expected}: both are imported as {name!r}",
            key=name,
            fix=f"rename {found.name}, or start from another folder",
        )


def _origin(name: str) -> Path | None:
    """The folder or file that `import name` gives, or has given."""
    for attempt in (1, 2):
        try:
            spec = importlib.util.find_spec(name)
        except ValueError:  # imported by hand, without a spec
            spec = None
            if file := getattr(sys.modules.get(name), "__file__", None):
                return Path(file).resolve()
        if spec is not None:
            break
        if attempt == 1:  # made a moment ago: Python remembers the folder as it was
            importlib.invalidate_caches()
    else:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve()
    return Path(spec.origin).resolve() if spec.has_location and spec.origin else Path(name)


def config_dirs() -> list[Path]:
    """Folders of choices in the order they are searched: shipped, then the labs', then `RLEXP_SEARCH_PATH`.

    Raises:
        ConfigError: a folder is missing, or two have a choice of the same name: one would never be used.
    """
    extra = [Path(p).expanduser() for p in os.environ.get("RLEXP_SEARCH_PATH", "").split(os.pathsep) if p]
    for folder in extra:
        if not folder.is_dir():
            raise ConfigError(f"RLEXP_SEARCH_PATH: there is no folder {folder}", key="RLEXP_SEARCH_PATH")
    found = [shipped_conf(), *(lab.conf for lab in labs_in_use()), *(folder.resolve() for folder in extra)]
    folders = list(dict.fromkeys(found))
    _refuse_same_names(folders)
    return folders


def _refuse_same_names(folders: Sequence[Path]) -> None:
    seen: dict[Path, Path] = {}
    for folder in folders if len(folders) > 1 else ():
        for file in folder.rglob("*.yaml"):
            name = file.relative_to(folder)
            if (first := seen.setdefault(name, file)) != file:
                group, choice = name.parent.as_posix(), name.stem
                what = f"the choice {group}={choice}" if group != "." else f"the config {choice}"
                raise ConfigError(
                    f"two files are {what}, and the second would never be used:\n  {first}\n  {file}",
                    key=group,
                    fix=f"another name for {file}, e.g. {file.with_stem('my_' + choice).name}",
                )
