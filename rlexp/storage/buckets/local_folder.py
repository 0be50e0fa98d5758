"""This machine's side of a folder that has a place in a store: its files, and what is known of the store's state."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rlexp.base.errors import ConfigError
from rlexp.base.files.atomic import remove, write_json
from rlexp.base.files.json_records import read_object
from rlexp.base.files.record_names import is_inside
from rlexp.storage.buckets.sync_state import SEEN, STATE

Stamp = tuple[int, int]
"""Size and time of the last change, in nanoseconds."""


class LocalFolder:
    """A folder of this machine.

    Args:
        path: of the folder.
        without: names directly in it that are no part of it.
    """

    def __init__(self, path: Path, without: Sequence[str]) -> None:
        self.path, self.without = path, tuple(without)

    def belongs(self, name: str) -> bool:
        """Whether a file is part of it: hidden ones and records of storing are this machine's own affair."""
        first, last = name.partition("/")[0], name.rpartition("/")[2]
        return is_inside(name) and last != STATE and first not in self.without and not last.endswith(".tmp")

    def files(self) -> dict[str, Stamp]:
        """Its files by their names relative to it, with what shows that one has changed."""
        stamps = {}
        for root, folders, files in os.walk(self.path):
            inside = Path(root).relative_to(self.path)
            links = [name for name in folders if (Path(root) / name).is_symlink()]
            folders[:] = [f for f in folders if f not in links and self.belongs((inside / f).as_posix())]
            for name in [*files, *links]:
                relative = (inside / name).as_posix()
                if self.belongs(relative):
                    with contextlib.suppress(FileNotFoundError):
                        stat = (Path(root) / name).lstat()
                        if stat.st_size or relative != name:  # A record that is empty says nothing.
                            stamps[relative] = (stat.st_size, stat.st_mtime_ns)
        return stamps

    def clear(self, keep: Iterable[str]) -> None:
        """Deletes all files but `keep`, in a folder that this process holds."""
        keep_names = set(keep)
        for name in self.files():
            if name not in keep_names:
                remove(self.path / name)
        for name in (STATE, SEEN):
            (self.path / name).unlink(missing_ok=True)
        if not keep_names:
            for name in self.without:
                shutil.rmtree(self.path / name, ignore_errors=True)

    def read_known(self) -> dict[str, Any]:
        """The states that are known, `push` and `next`, and `files` as they were brought; None and empty if none."""
        try:
            known = read_object(self.path / STATE)
            files = {name: tuple(stamp) for name, stamp in known["files"].items() if self.belongs(name)}
            return {"push": known["push"], "next": known["next"], "files": files}
        except (ConfigError, KeyError, TypeError, AttributeError):
            return {"push": None, "next": None, "files": {}}

    def write_known(self, **known: Any) -> None:
        """Replaces what `read_known` reads."""
        write_json(self.path / STATE, known)
