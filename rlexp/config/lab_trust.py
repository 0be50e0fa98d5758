"""Whose lab it is: code of a lab is imported only where nobody else could have put it there, or where its user said so.

A lab is found upwards of the working folder, which may lie in a folder that all may write to. As with git's
`safe.directory`, who owns it decides; `rlexp lab trust DIR` remembers that a shared one is fine.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rlexp.checkpoint.atomic import write_private
from rlexp.config.lab import PROJECT_FILE, Lab
from rlexp.config.user_folder import user_folder
from rlexp.errors import ConfigError

LIST = "trusted_labs"
OTHERS_WRITE, GROUP_WRITES = stat.S_IWOTH, stat.S_IWGRP


def why_not(lab: Lab) -> str | None:
    """Why code of the lab is not to be run by this user, in a few words; None where it may be.

    It may where this user or root owns its folder, its `pyproject.toml`, its choices and its packages, and nobody
    else may write to them; or where `trust` has been called for its folder.
    """
    if not hasattr(os, "geteuid") or lab.root in trusted():
        return None
    for path in _parts(lab):
        if (reason := others_may_change(path)) is not None:
            return reason
    return None


def others_may_change(path: Path) -> str | None:
    """Who else than this user and root may change a file or folder, in words; None where nobody."""
    if not hasattr(os, "geteuid"):
        return None
    try:
        found = path.stat()
    except OSError as error:
        return f"{path} cannot be looked at: {error.strerror}"
    if found.st_uid not in _own_ids():
        return f"{path} is owned by {_name_of(found.st_uid)}"
    if found.st_mode & OTHERS_WRITE:
        return f"everybody may write to {path}"
    if found.st_mode & GROUP_WRITES and not _is_private(found.st_gid):
        return f"a group may write to {path}"
    return None


def trusted() -> set[Path]:
    """The folders of labs that this user has said to be fine."""
    file = _list()
    with suppress(OSError, UnicodeDecodeError):
        if file.is_file() and others_may_change(file) is None:
            return {Path(line) for line in file.read_text(encoding="utf-8").splitlines() if line}
    return set()


def trust(folder: Path) -> None:
    """Remembers that the lab in `folder` may be used, whoever else may write there.

    Raises:
        ConfigError: it cannot be written down.
    """
    _write(trusted() | {folder.resolve()})


def forget(folder: Path) -> bool:
    """Takes back `trust`; False where it was not given.

    Raises:
        ConfigError: it cannot be written down.
    """
    before = trusted()
    if folder.resolve() not in before:
        return False
    _write(before - {folder.resolve()})
    return True


def _write(folders: set[Path]) -> None:
    if odd := [folder for folder in folders if "\n" in str(folder)]:
        raise ConfigError(f"{odd[0]!s:.80} has a line break in its name", fix="rename the folder")
    try:
        _list().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(_list(), "".join(f"{folder}\n" for folder in sorted(folders)).encode())
    except OSError as error:
        raise ConfigError(
            f"{_list()} cannot be written: {error.strerror or error}",
            fix="RLEXP_HOME=<a folder you can write to> rlexp ...",
        ) from error


def _list() -> Path:
    return user_folder() / LIST


def _parts(lab: Lab) -> Iterator[Path]:
    yield from (lab.root, lab.root / PROJECT_FILE, lab.conf)
    for name in lab.packages:
        yield from (path for path in (lab.root / name, lab.root / f"{name}.py") if path.exists())


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
