"""`rlexp init DIR`: a lab's own repository, with an environment, a callback, an experiment and a test."""

from __future__ import annotations

import argparse
import importlib.util
import keyword
import re
import shlex
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from rlexp.base.errors import ConfigError
from rlexp.base.shell_commands import shell_command
from rlexp.cli import lab_repository
from rlexp.config.labs.known import remember_lab

TEMPLATE = Path(__file__).resolve().parent.parent / "lab_template"
_SUFFIX = ".tmpl"
_MARK = "__lab__"
_RESERVED = {"rlexp", "envs", "callbacks", "conf", "tests", "benchmarks", "runs", "sweeps"}


def run(argv: Sequence[str]) -> int:
    """Run `rlexp init` with `argv`, the words after the verb; returns the exit code.

    Raises:
        ConfigError: the folder is not empty or cannot be written, or its package's name is taken.
    """
    parser = argparse.ArgumentParser(prog="rlexp init", description="Make a lab repository of one's own.")
    parser.add_argument("dir", metavar="DIR", help="new or empty folder")
    parser.add_argument("--package", help="name of its Python package (default: from DIR's name)")
    arguments = parser.parse_args(list(argv))
    if not arguments.dir.strip() or not arguments.dir.isprintable():
        raise ConfigError(f"{arguments.dir!r} is no folder's name", fix="rlexp init my_lab")
    target = Path(arguments.dir)
    package = arguments.package or package_name(target)
    check_folder(target)
    check_package(package, target)
    try:
        written = write_lab(target, package)
    except OSError as error:
        raise ConfigError(f"cannot write the lab to {target}: {error}", fix="rlexp init OTHER_DIR") from error
    remember_lab(target)
    lines = [f"made {target} with the package `{package}`:", *(f"  {path}" for path in written)]
    lines += [lab_repository.under_git(target), *lab_repository.advice(), "", "next:"]
    if target.resolve() != Path.cwd():
        lines.append(f"  cd {shlex.quote(str(target))}")
    lines += ["  rlexp list env", "  rlexp experiment=first", "  python -m pytest"]
    lines.append("  python -m pip install -e .   # its choices are there from every folder then")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def package_name(target: Path) -> str:
    """A package name made from a folder's name: `My-Lab 2` gives `my_lab_2`, `2024` gives `lab_2024`."""
    plain = unicodedata.normalize("NFKD", target.resolve().name.lower()).encode("ascii", "ignore").decode()
    name = re.sub(r"\W+", "_", plain).strip("_")
    return f"lab_{name}".rstrip("_") if not name or name[0].isdigit() else name


def check_folder(target: Path) -> None:
    """Refuse a folder that holds anything but a fresh git repository.

    Raises:
        ConfigError: it does, or it is a file.
    """
    if target.is_dir():
        held = sorted(path.name for path in target.iterdir() if path.name != ".git")
        if held:
            some = ", ".join(held[:3]) + (", ..." if len(held) > 3 else "")
            raise ConfigError(
                f"{target} is not empty (it holds {some})", fix=shell_command("init", target / "lab")
            )
    elif target.exists():
        raise ConfigError(f"{target} is a file, not a folder", fix=shell_command("init", f"{target}_lab"))


def check_package(package: str, target: Path) -> None:
    """Refuse a package name that Python cannot use or that something installed already has.

    Raises:
        ConfigError: with names that are free.
    """
    if not package.isidentifier() or keyword.iskeyword(package):
        problem = f"{package!r} is no name for a Python package"
    elif package in _RESERVED:
        problem = f"the package name {package!r} is used by rlexp's own layout"
    elif is_importable(package, target):
        problem = f"the package name {package!r} is taken: Python already imports a module of that name"
    else:
        return
    base = re.sub(r"\W+", "_", package, flags=re.ASCII).strip("_") or "lab"
    free = [
        name
        for name in (f"{base}_lab", f"{base}_rl", f"my_{base}", f"lab_{base}")
        if name.isidentifier() and name not in _RESERVED and not is_importable(name, target)
    ]
    raise ConfigError(
        problem, suggestions=free, fix=shell_command("init", target, "--package", free[0] if free else "NAME")
    )


def is_importable(name: str, target: Path) -> bool:
    """Whether `import name` finds something other than the new folder itself."""
    if name in sys.stdlib_module_names:
        return True
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return name in sys.modules
    if spec is None:
        return False
    if spec.origin is None and spec.submodule_search_locations is not None:
        # Any folder on sys.path passes for a namespace package, even the empty one that is to be filled.
        places = {Path(place).resolve() for place in spec.submodule_search_locations}
        return bool(places - {target.resolve()})
    return True


def write_lab(target: Path, package: str) -> list[str]:
    """Fill `target` from the template for the given package name; returns the files made, relative to it.

    Raises:
        OSError: a file cannot be written.
    """
    written = []
    marks = {_MARK: package, **lab_repository.marks()}
    for source in sorted(TEMPLATE.rglob(f"*{_SUFFIX}")):
        relative = source.relative_to(TEMPLATE).as_posix().removesuffix(_SUFFIX).replace(_MARK, package)
        if relative == "gitignore":  # A real .gitignore in the template would hide files of the template.
            relative = ".gitignore"
        file = target / relative
        file.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        for mark, value in marks.items():
            text = text.replace(mark, value)
        file.write_text(text, encoding="utf-8")
        written.append(relative)
    return written
