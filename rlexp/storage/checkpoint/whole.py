"""Telling whole checkpoints from damaged ones again and again, at the price of a look at their files' dates."""

from __future__ import annotations

import logging
from pathlib import Path

from rlexp.base.errors import CheckpointError
from rlexp.storage.checkpoint import seal

_log = logging.getLogger(__name__)

_Stamp = tuple[tuple[str, int, int, int], ...]


class WholeOnes:
    """Which checkpoints are whole; their files are hashed once, and again when they have changed since.

    A damaged one is logged when it is found.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[_Stamp | None, bool]] = {}

    def __contains__(self, path: Path) -> bool:
        """Whether the checkpoint folder `path` holds what it was sealed with."""
        stamp = _stamp(path)
        known = self._known.get(path)
        if known is None or stamp is None or known[0] != stamp:
            known = self._known[path] = (stamp, _verified(path))
        return known[1]

    def add(self, path: Path) -> None:
        """Takes the folder `path` for whole as it is now: it has just been sealed."""
        self._known[path] = (_stamp(path), True)

    def discard(self, path: Path) -> None:
        """Forgets the folder `path`, which has been deleted."""
        self._known.pop(path, None)


def _verified(path: Path) -> bool:
    try:
        seal.verify(path)
    except CheckpointError as error:
        _log.warning("%s", error)
        return False
    return True


def _stamp(path: Path) -> _Stamp | None:
    """What changes with any of the files: names, sizes in bytes, times in ns. None if it cannot be told."""
    try:
        found = [(str(item), item.lstat()) for item in path.rglob("*")]
    except OSError:
        return None
    return tuple(sorted((name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in found))
