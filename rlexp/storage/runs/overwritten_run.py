"""The run that `overwrite=true` replaces: kept aside in its own folder until the new one has made an iteration.

While the new run begins, the earlier one lies in the hidden folder `.earlier`. Its manifest is copied there last, so
its presence says that everything outside belongs to the new run; without it, a process died as it moved the files.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from rlexp.base.files import lock
from rlexp.base.files.atomic import remove, sync_folder
from rlexp.storage.buckets.sync_state import SEEN, STATE
from rlexp.storage.runs import metrics_file

MANIFEST = "manifest.json"
ASIDE, DELETED = ".earlier", ".overwritten"
FAILED_ATTEMPT = "overwrite_failed.txt"
"""In a run that was put back: the trace of the run that was to replace it."""


def contents(folder: Path) -> list[Path]:
    """What lies in a run's folder besides the records of locking, of a store and of an overwritten run."""
    bookkeeping = (*lock.FILES, STATE, SEEN, ASIDE, DELETED)
    return [item for item in folder.iterdir() if item.name not in bookkeeping]


def is_aside(folder: Path) -> bool:
    """Whether an earlier run is kept in the run's folder."""
    return (folder / ASIDE).is_dir()


def set_aside(folder: Path) -> None:
    """Moves the run in `folder`, which this process holds, out of the way of a new one.

    Raises:
        OSError: a file could not be moved; `recover` brings back those that were.
    """
    aside = folder / ASIDE
    aside.mkdir()
    for item in contents(folder):
        if item.name != MANIFEST:
            item.rename(aside / item.name)
    copy = aside / f".{MANIFEST}.copy"
    shutil.copyfile(folder / MANIFEST, copy)
    sync_folder(aside)
    copy.rename(aside / MANIFEST)


def put_back(folder: Path) -> None:
    """Deletes the new run in `folder` and brings back the earlier one; a second call after a crash goes on with it.

    Raises:
        OSError: a file could not be moved or deleted.
    """
    aside = folder / ASIDE
    if (aside / MANIFEST).exists():
        # The metrics first: `recover` takes a run that has some for one that has begun.
        for item in sorted(contents(folder), key=lambda item: item.name != metrics_file.NAME):
            if item.name != MANIFEST:
                remove(item)
        (aside / MANIFEST).replace(folder / MANIFEST)
    (aside / f".{MANIFEST}.copy").unlink(missing_ok=True)
    for item in list(aside.iterdir()):
        item.rename(folder / item.name)
    aside.rmdir()
    sync_folder(folder)


def delete(folder: Path) -> None:
    """Deletes the earlier run in `folder`, by way of another name: a crash amid it never brings back a half.

    Raises:
        OSError: it could not be deleted.
    """
    (folder / ASIDE).rename(folder / DELETED)
    remove(folder / DELETED)


def recover(folder: Path) -> None:
    """After a process that was killed: the earlier run comes back, unless the new one has made an iteration.

    Raises:
        OSError: a file could not be moved or deleted.
    """
    for name in (ASIDE, DELETED):
        if (folder / name).is_symlink():
            (folder / name).unlink()
    remove(folder / DELETED)
    if not is_aside(folder):
        return
    metrics = folder / metrics_file.NAME
    has_iterated = metrics.is_file() and metrics.stat().st_size > 0
    if has_iterated and (folder / ASIDE / MANIFEST).exists():
        delete(folder)
    else:
        put_back(folder)
