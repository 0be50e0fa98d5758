"""W&B's settings of this machine, without those of a working folder that is not the person's own."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlexp.base.files.ownership import others_may_change
from rlexp.config.labs.search_path import is_record

WORKSPACE = Path("wandb") / "settings"


def set_up() -> Any:
    """W&B's settings, quiet, read once in a process.

    W&B reads `wandb/settings` of the working folder, which may name another server, to be sent the person's key. In a
    run's folder, or where others may write, it is a stranger's.
    """
    import wandb

    with _elsewhere() if not _is_own(Path.cwd()) else contextlib.nullcontext():
        return wandb.setup(wandb.Settings(silent=True)).settings


def _is_own(folder: Path) -> bool:
    if not (folder / WORKSPACE).exists():
        return True
    if any(is_record(above) for above in (folder, *folder.parents)):
        return False
    return all(others_may_change(path) is None for path in (folder, folder / "wandb", folder / WORKSPACE))


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    before = Path.cwd()
    os.chdir(sys.prefix)
    try:
        yield
    finally:
        os.chdir(before)
