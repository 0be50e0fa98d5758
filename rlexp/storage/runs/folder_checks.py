"""Where a run's folder may be made or taken up, and what to say where it may not."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from rlexp.base.errors import ConfigError
from rlexp.base.files.atomic import plain_reason
from rlexp.base.run_names import check_name
from rlexp.storage.buckets.local_copies import address
from rlexp.storage.buckets.mirror import Mirror
from rlexp.storage.runs import overwritten_run
from rlexp.storage.runs.overwritten_run import MANIFEST

_ROOM = 1 << 20  # bytes that must be free to start: the records of a run, before any checkpoint


def is_run_folder(path: Path | str) -> bool:
    """Whether `path` is a run's folder: one with a manifest."""
    return (Path(path) / MANIFEST).is_file()


def inside(runs_dir: Path, name: str) -> Path:
    """The folder of the run `name` below `runs_dir`.

    Raises:
        ConfigError: `name` is no folder's name, or leads out of `runs_dir`.
    """
    check_name("name", name)
    return (runs_dir / name).absolute()


def fetch(path: Path) -> None:
    """Brings what the store has of the run, if the folder is a copy of what lies in one."""
    mirror = Mirror.of(path)
    if mirror is None:
        return
    try:
        mirror.fetch()
    except OSError as error:
        raise unwritable(path, error) from error


def refuse_foreign(path: Path) -> None:
    """Refuse a folder with files but no manifest: it is not a run's, so nothing in it may be touched."""
    try:
        foreign = path.is_dir() and not is_run_folder(path) and overwritten_run.contents(path)
    except OSError as error:
        raise unwritable(path, error) from error
    if foreign:
        raise ConfigError(
            f"{path} holds other files and is not a run's folder; it is left alone, overwrite=true or not",
            key="name",
            fix="name=<another name>",
        )


def require_room(path: Path) -> None:
    """Write and delete a file: neither permissions nor the free space reported prove that writing works."""
    probe = path / ".probe.tmp"
    try:
        probe.unlink(missing_ok=True)
        with probe.open("xb") as file:
            file.write(bytes(_ROOM))
            file.flush()
            os.fsync(file.fileno())
    finally:
        probe.unlink(missing_ok=True)


def unwritable(path: Path, error: OSError) -> ConfigError:
    """What to say of a folder that cannot be written."""
    reason = plain_reason(error) or error.strerror or str(error).partition("\n")[0]
    return ConfigError(
        f"the run cannot be kept in {address(path)}: {reason}",
        key="runs_dir",
        fix="runs_dir=<another folder>",
    )


def no_run(path: Path) -> ConfigError:
    """What to say of a path that is no run's folder, with the runs beside it of nearly that name."""
    if not path.exists():
        runs = (
            [item.name for item in path.parent.iterdir() if is_run_folder(item)]
            if path.parent.is_dir()
            else []
        )
        near = [str(path.parent / name) for name in get_close_matches(path.name, runs, n=3, cutoff=0.5)]
        return ConfigError(f"there is no {path}", suggestions=near)
    return ConfigError(
        f"{path} is not a run's folder: it has no {MANIFEST}",
        fix="the folder that a run printed at its end, such as runs/<name>",
    )
