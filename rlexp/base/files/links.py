"""Folders that came from elsewhere may hold links to the reader's own files: what writes there follows none."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from rlexp.base.errors import ConfigError

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND
_OF_WANDB = re.compile(r"(?:trials/[^/]+/)?wandb/(?:offline-)?run-[^/]+")
"""A session of W&B, in a run's folder or a sweep's: each has a folder of its own, which no later one writes to, with
links to W&B's logs elsewhere while it runs; where it is killed they stay."""
# Without blocking: to open a pipe waits for its reader.
_CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def open_to_append(path: Path) -> int:
    """A descriptor that appends to the file `path`, which is made where it is not there; no link is followed.

    Raises:
        OSError: it cannot be opened, or is no plain file.
    """
    descriptor = os.open(path, _APPEND | _CAREFULLY, 0o644)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no plain file")
    return descriptor


def refuse_links(folder: Path, *, apart: Sequence[str] = ()) -> None:
    """Refuses a folder that is about to be written to if it holds a link out of it, a pipe, a socket or a device.

    Links that stay inside are fine: `latest` and `best`, and those of W&B. The folder itself may be reached by a link.

    Args:
        folder: of a run or a sweep, or one that does not exist yet.
        apart: folders directly in it whose own contents are judged when they are written to, such as `trials`.

    Raises:
        ConfigError: naming the first such file.
        OSError: the folder cannot be read.
    """
    root = os.path.realpath(folder)
    for path in _unusual(root, apart):
        shown = folder / os.path.relpath(path, root)
        if not Path(path).is_symlink():
            raise ConfigError(f"{shown} is neither a file nor a folder", fix=f"rm {shown}")
        target = os.path.realpath(path)
        if target != root and not target.startswith(root + os.sep):
            raise ConfigError(
                f"{shown} is a link to {target}: what is written to {folder} would change files elsewhere",
                fix=f"rm {shown}, or copy what it leads to into its place: cp -rL {folder} <a new folder>",
            )


def refuse_link(path: Path) -> None:
    """Refuses a file or folder that is about to be written to if it is a link itself.

    Raises:
        ConfigError: it is one.
    """
    if path.is_symlink():
        raise ConfigError(
            f"{path} is a link to {os.path.realpath(path)}: what is written to it would be put there",
            fix=f"rm {path}, or name another folder to write to",
        )


def _unusual(root: str, apart: Sequence[str]) -> Iterator[str]:
    """Links, and what is neither a file nor a folder, at any depth; links are not followed."""
    folders = [root] if Path(root).is_dir() else []
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
                    yield entry.path
                elif entry.is_dir() and not _is_apart(os.path.relpath(entry.path, root), apart):
                    folders.append(entry.path)


def _is_apart(name: str, apart: Sequence[str]) -> bool:
    return name in apart or _OF_WANDB.fullmatch(name) is not None
