"""Whose lab it is: code of a lab is imported only where nobody else could have put it there, or where its user said so.

A lab is found upwards of the working folder, which may lie in a folder that all may write to. As with git's
`safe.directory`, who owns it decides; `rlexp lab trust DIR` remembers that a shared one is fine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rlexp.base.errors import ConfigError
from rlexp.base.files.ownership import others_may_change, read_small
from rlexp.base.user_folder import user_folder
from rlexp.config.labs.lab import PROJECT_FILE, Lab

LIST = "trusted_labs"


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


def trusted() -> set[Path]:
    """The folders of labs that this user has said to be fine."""
    file = _list()
    with suppress(OSError, UnicodeDecodeError):
        if file.exists() and others_may_change(file) is None and others_may_change(file.parent) is None:
            return {Path(line) for line in read_small(file).decode("utf-8").splitlines() if line}
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
    from rlexp.base.files.atomic import write_private

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
