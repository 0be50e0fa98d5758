"""Files, links and folders that are complete or absent: made beside their target, then renamed over it."""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rlexp.base.files.record_names import LONGEST, is_plain

_log = logging.getLogger(__name__)
_REASONS = {
    errno.EROFS: "the filesystem is read-only",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.ENOSPC: "no space is left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file may not grow as large as needed (see ulimit -f)",
    errno.ENOTDIR: "a file stands in the way",
    errno.EEXIST: "a file stands in the way",
    errno.ENAMETOOLONG: "the name is too long",
}
_ASIDE = re.compile(r"\.(writing|replaced|pruned)-(.+)-(\d+)")


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text` (UTF-8) in one step; readers see the old content or the new, never a part.

    The temporary file lies in the target's own folder, so that the rename never crosses a filesystem.

    Raises:
        OSError: the text could not be written; the old content stands and no temporary file is left.
    """
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one step, as `write_text` does.

    Raises:
        OSError: as for `write_text`.
    """
    write_parts(path, [content])


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """Replace `path` by the parts, one after the other, in one step, as `write_text` does; they may come from it.

    Raises:
        OSError: as for `write_text`.
    """
    _replace(path, parts, 0o666 & ~_umask())


def write_private(path: Path, content: bytes) -> None:
    """As `write_bytes`, readable by this user alone: for secrets and lists that decide what runs.

    Raises:
        OSError: as for `write_text`.
    """
    _replace(path, [content], 0o600)


def _replace(path: Path, parts: Iterable[bytes], mode: int) -> None:
    temporary = _write_aside(path, parts, mode)
    try:
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_json(path: Path, obj: Any) -> None:
    """Replace `path` by `obj` as indented JSON, as `write_text` does.

    Raises:
        TypeError: `obj` holds something that JSON cannot; nothing was written.
        OSError: as for `write_text`.
    """
    write_text(path, to_json(obj) + "\n")


def to_json(obj: Any, *, strict: bool = True) -> str:
    """Indented JSON of plain values, paths and numpy scalars.

    NaN and infinities, which JSON lacks and many readers refuse, become null; unless `strict` is off, then
    they are kept as Python reads them.

    Raises:
        TypeError: something else is in `obj`.
    """
    return json.dumps(_plain(obj, strict), indent=2, allow_nan=not strict, ensure_ascii=False)


def sync_folder(folder: Path) -> None:
    """Make the folder's list of names durable where the system can open folders (Windows cannot)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def plain_reason(error: BaseException | None) -> str | None:
    """Why the disk would not have it, in plain words, whatever wraps the system's error; None if unknown."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return _REASONS.get(error.errno or 0) if error is not None else None


def aside(target: Path, why: str) -> Path:
    """The hidden neighbour of the folder `target` that this process uses while `writing` it, say."""
    return target.with_name(f".{why}-{target.name}-{os.getpid()}")


def replace_folder(new: Path, target: Path) -> None:
    """Put the folder `new`, a neighbour, in the place of `target`; what was there is deleted.

    No system call exchanges folders everywhere, so after a crash in between `target` may be missing; it
    is then complete under a hidden name, and `tidy` brings it back.

    Raises:
        OSError: the folder could not be put there; `target` is what it was.
    """
    old = aside(target, "replaced")
    replaced = os.path.lexists(target)
    if replaced:
        target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        if replaced:
            old.rename(target)
        raise
    sync_folder(target.parent)
    if replaced:
        _remove_later(old)


def discard_folder(target: Path) -> None:
    """Delete a folder, by way of a hidden name: a crash amid deleting leaves no half of it under its own.

    Raises:
        OSError: it could not be deleted.
    """
    hidden = aside(target, "pruned")
    target.rename(hidden)
    _remove_later(hidden)


def tidy(folder: Path, *, restore_only: bool = False) -> None:
    """Clear away what processes that died left aside in `folder`; bring back a folder they were replacing.

    Raises:
        OSError: something could not be renamed or deleted.
    """
    for path in list(folder.iterdir()):
        match = _ASIDE.fullmatch(path.name)
        if match is None or _at_work(int(match[3])):
            continue
        target = folder / match[2]
        if match[1] == "replaced" and not target.exists():
            path.rename(target)
        elif not restore_only:
            _remove_later(path)


def _remove_later(path: Path) -> None:
    """Deletes what is out of the way already; what cannot be deleted now, as one file is busy, `tidy` tries again."""
    try:
        remove(path)
    except OSError as error:
        _log.warning("%s could not be deleted yet: %s", path, error)


def remove(path: Path) -> None:
    """Delete `path`, whatever it is, never following a link.

    Raises:
        OSError: it could not be deleted with all that is in it.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def point(path: Path, target: str) -> None:
    """Make `path` a relative link to its neighbour `target`; where no links can be made, a text file.

    Raises:
        OSError: neither could be written.
    """
    if pointed(path) == target:
        return
    if path.is_dir() and not path.is_symlink():
        # A folder copied with its links followed has a second copy of the checkpoint here.
        shutil.rmtree(path)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        temporary.symlink_to(target, target_is_directory=True)
    except (OSError, NotImplementedError):
        write_text(path, target + "\n")
        return
    temporary.replace(path)
    sync_folder(path.parent)


def pointed(path: Path) -> str | None:
    """The name that `point` left at `path`; None where there is none, or something that is no neighbour's name."""
    name: str | None = None
    if path.is_symlink():
        name = str(path.readlink())
    elif path.is_file():
        with path.open("rb") as file:
            name = file.read(LONGEST + 2).decode("utf-8", errors="replace").strip()
    return name if is_plain(name) else None


def _at_work(pid: int) -> bool:
    import psutil

    # Saves do not nest, so what bears this process's own number is an earlier process's.
    return pid != os.getpid() and psutil.pid_exists(pid)


def _write_aside(path: Path, parts: Iterable[bytes], mode: int) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; a lab's folders are shared as the user's umask says.
        temporary.chmod(mode)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _plain(value: Any, strict: bool) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) or not strict else None
    if isinstance(value, Mapping):
        return {_name(key): _plain(item, strict) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, strict) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return _plain(value.item(), strict)
    raise TypeError(f"{type(value).__name__} {value!r:.80} has no place in JSON")


def _name(key: Any) -> str:
    if isinstance(key, (str, int)):
        return str(key)
    raise TypeError(f"a JSON name must be text, not {type(key).__name__} {key!r:.80}")
