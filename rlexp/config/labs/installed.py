"""Labs that are installed as packages: their choices and classes are there wherever one stands.

A lab's distribution has an entry point of the group `rlexp.labs`, whose value is its package. Installed for editing,
the package lies in the lab's repository; from a wheel, the lab's choices lie in its package as `conf`.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from rlexp.config.labs.lab import Lab, read_lab

GROUP = "rlexp.labs"
_METADATA = (".dist-info", ".egg-info")


@lru_cache(maxsize=1)
def installed_labs() -> tuple[Lab, ...]:
    """The labs among the installed distributions; nothing of them is imported.

    Raises:
        ConfigError: the table of one that is installed for editing is wrong.
    """
    names = sorted({value.partition(":")[0].strip() for value in entry_points(GROUP)})
    return tuple(lab for name in names if (lab := _installed(name)) is not None)


def entry_points(group: str) -> Iterator[str]:
    """What the entry points of a group name, of all distributions on `sys.path`.

    As `importlib.metadata` has it, whose import takes as long as all else that a TAB needs.
    """
    seen: set[str] = set()
    for folder in _distributions():
        name = folder.name.removesuffix(folder.suffix).partition("-")[0].lower().replace(".", "_")
        if name not in seen:  # The first one on the path hides others of its name.
            seen.add(name)
            yield from _values(folder / "entry_points.txt", group)


def _distributions() -> Iterator[Path]:
    for place in dict.fromkeys(sys.path):
        try:
            with os.scandir(place or ".") as entries:
                yield from sorted(Path(entry.path) for entry in entries if entry.name.endswith(_METADATA))
        except OSError:  # It is not there, or an archive, in which no lab's choices could lie.
            continue


def _values(file: Path, group: str) -> Iterator[str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    inside = False
    for line in map(str.strip, text.splitlines() if group in text else ()):
        if line.startswith("["):
            inside = line == f"[{group}]"
        elif inside and "=" in line and not line.startswith(("#", ";")):
            yield line.partition("=")[2].strip()


def _installed(package: str) -> Lab | None:
    """The lab of a top-level package; None where it cannot be imported or has no choices."""
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))).resolve()
    if (lab := read_lab(folder.parent)) is not None:
        return lab
    conf = folder / "conf"
    return Lab(folder.parent, conf, (package,)) if conf.is_dir() else None
