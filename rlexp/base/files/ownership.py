"""Who may have written a file: what decides which code runs, or whom to believe, must be this user's alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

LONGEST_SECRET = 1 << 16  # bytes


def others_may_change(path: Path) -> str | None:
    """Who else than this user and root may change a file or folder, in words; None where nobody may."""
    if not hasattr(os, "geteuid"):
        return None
    try:
        found = path.stat()
    except OSError as error:
        return f"{path} cannot be looked at: {error.strerror}"
    if found.st_uid not in _own_ids():
        return f"{path} is owned by {_name_of(found.st_uid)}"
    if found.st_mode & stat.S_IWOTH:
        return f"everybody may write to {path}"
    if found.st_mode & stat.S_IWGRP and not _is_private(found.st_gid):
        return f"a group may write to {path}"
    return None


def keep_private(path: Path) -> None:
    """Takes from others what they may do with a file of this user's; harmless for one that is private already.

    Raises:
        OSError: it is not there, or is somebody else's.
    """
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o600)


def open_plain(path: Path) -> BinaryIO:
    """A plain file, open to be read; whoever writes to a pipe in its place is not waited for.

    Raises:
        OSError: it cannot be opened, or is no plain file.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no plain file")
    return os.fdopen(descriptor, "rb")


def read_small(path: Path, limit: int = LONGEST_SECRET) -> bytes:
    """What a plain file holds; a pipe holds nothing up, and an endless file fills no memory.

    Raises:
        OSError: it cannot be read, is no plain file, or has more than `limit` bytes.
    """
    with open_plain(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(f"{path} has more than {limit} bytes")
    return content


def _own_ids() -> set[int]:
    """This user and root; for root by way of sudo also who has called it."""
    ids = {0, os.geteuid()}
    caller = os.environ.get("SUDO_UID", "")
    return ids | {int(caller)} if os.geteuid() == 0 and caller.isdecimal() else ids


def _is_private(group: int) -> bool:
    """True for a group that has no member but this user, as many systems give each user one."""
    import grp
    import pwd

    try:
        user, found = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return user.pw_gid == group and found.gr_name == user.pw_name and set(found.gr_mem) <= {user.pw_name}


def _name_of(user: int) -> str:
    import pwd

    try:
        return f"the user {pwd.getpwuid(user).pw_name}"
    except KeyError:
        return f"the user {user}"
