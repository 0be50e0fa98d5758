"""Where a lab's own packages lie, so that other processes find them too."""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path

from rlexp.config.callables.targets import MAIN

VARIABLE = "RLEXP_IMPORT_PATHS"
"""Environment variable with more folders to import from, separated as in PATH."""


def import_paths(trusted: Sequence[str]) -> list[str]:
    """Folders that hold the trusted top-level packages and are not part of the Python installation.

    Args:
        trusted: prefixes of the modules that a config may name.

    Returns:
        Absolute folders, those of `RLEXP_IMPORT_PATHS` first.
    """
    installed = {Path(p).resolve() for p in sysconfig.get_paths().values()}
    folders = [Path(p).resolve() for p in _from_variable()]
    for name in trusted:
        if name == MAIN:  # Has no spec, and other processes do not import it.
            continue
        spec = importlib.util.find_spec(name.partition(".")[0])
        if spec is None:
            continue
        origins = list(spec.submodule_search_locations or ()) or ([spec.origin] if spec.origin else [])
        folders += [Path(origin).resolve().parent for origin in origins]
    return list(dict.fromkeys(str(f) for f in folders if f not in installed and f.is_dir()))


def add_import_paths(folders: Iterable[str]) -> None:
    """Appends `folders` and those of `RLEXP_IMPORT_PATHS` to `sys.path`, once each."""
    for folder in (*_from_variable(), *folders):
        if folder not in sys.path:
            sys.path.append(folder)


def _from_variable() -> list[str]:
    return [p for p in os.environ.get(VARIABLE, "").split(os.pathsep) if p]
