"""This process's folder for temporary files, and what killed processes left beside it.

A folder says whose it is by the mark of its process (see `leftovers`), so that what a killed one left can be taken
away later, and nothing else ever is.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from rlexp.base.files.atomic import remove
from rlexp.base.processes.leftovers import driver_lives, mark_of_this_process, note, noted

PREFIX = "rlexp-"
_LIBRARIES = "of_libraries"
_WANDB = re.compile(r"(?:wandb|wandb_symon)-(\d+)-(\d+)-\d+(?:\.sock)?")
"""W&B's service has its own process's and its parent's id in the names of its sockets."""


def new_folder() -> Path:
    """A folder for temporary files, which whoever asked for it deletes."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    note(folder, mark_of_this_process())
    return folder


def note_of_library(path: str | os.PathLike[str]) -> None:
    """Remembers a temporary folder that a library has made for this process, and deletes at a clean end only.

    Args:
        path: directly in the temporary folder; another one is left to its library.
    """
    if Path(path).parent == _temporary():
        with (_of_libraries() / _LIBRARIES).open("a", encoding="utf-8") as file:
            file.write(f"{Path(path).name}\n")


@lru_cache(maxsize=1)
def _of_libraries() -> Path:
    """The folder that remembers, deleted at this process's end."""
    import atexit
    import shutil

    folder = new_folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def tidy() -> None:
    """Deletes what `abandoned` finds; what cannot be deleted stays."""
    for path in abandoned():
        with contextlib.suppress(OSError):
            remove(path)


def abandoned() -> list[Path]:
    """Files and folders of this user that processes of rlexp and of W&B left here, and which are gone."""
    return [path for entry in _of_this_user() for path in _left(entry)]


def _temporary() -> Path:
    return Path(tempfile.gettempdir())


def _of_this_user() -> Iterator[Path]:
    """What has a name that may count; a temporary folder can hold a great many others."""
    with contextlib.suppress(OSError), os.scandir(_temporary()) as entries:
        for entry in entries:
            if not entry.name.startswith((PREFIX, "wandb")) or entry.is_symlink():
                continue
            with contextlib.suppress(OSError):
                if entry.stat(follow_symlinks=False).st_uid == os.getuid():
                    yield Path(entry.path)


def _left(path: Path) -> list[Path]:
    """What to delete because of an entry of the temporary folder: it, and what it remembers; or nothing."""
    import psutil

    if match := _WANDB.fullmatch(path.name):
        return [] if any(psutil.pid_exists(int(pid)) for pid in match.groups()) else [path]
    if not path.name.startswith(PREFIX) or not (mark := noted(path)):
        return []
    try:
        return [] if not _of_this_host(mark) or driver_lives(mark) else [*_remembered(path), path]
    except ValueError:  # No mark of ours.
        return []


def _of_this_host(mark: str) -> bool:
    import socket

    return mark.startswith(f"{socket.gethostname()}/")


def _remembered(folder: Path) -> list[Path]:
    """Plain names in the temporary folder only: whatever the file says, nothing elsewhere is meant."""
    try:
        names = (folder / _LIBRARIES).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    paths = [_temporary() / name for name in names if re.fullmatch(r"\w+[\w.-]*wandb-\w+", name)]
    return [path for path in paths if path.is_dir() and not path.is_symlink()]
