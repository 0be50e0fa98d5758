"""The checkpoints of a run: written aside, sealed, renamed last; the newest intact one is found again."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rlexp.base.errors import EXIT_FAILED, CheckpointError, ConfigError
from rlexp.base.files import atomic
from rlexp.storage.checkpoint import find_checkpoints, seal
from rlexp.storage.checkpoint.find_checkpoints import BEST, LATEST, Checkpoint
from rlexp.storage.checkpoint.seal_key import sealing_key, why_unusable

_log = logging.getLogger(__name__)
_LITTLE = 1 << 20  # bytes


class CheckpointSaveError(CheckpointError):
    """A checkpoint could not be written while training (exit code 1); the earlier ones stand."""

    exit_code = EXIT_FAILED


class CheckpointStore:
    """The folder that a run writes its checkpoints to.

    One process at a time may save to it (the run folder's lock sees to that); any number may read.

    Args:
        folder: made on the first save.
        keep: how many of the newest intact ones stay; the best intact one stays besides.
        mode: whether a higher (`max`) or a lower (`min`) score is better.

    Raises:
        ConfigError: `keep` or `mode` is out of range, or the user's sealing key cannot be had.
    """

    def __init__(self, folder: Path, *, keep: int, mode: str = "max") -> None:
        if keep < 1:
            raise ConfigError(f"checkpoint.keep is {keep}; at least 1 must stay", key="checkpoint.keep")
        if mode not in ("max", "min"):
            raise ConfigError(f"checkpoint.mode is {mode!r}; it is max or min", key="checkpoint.mode")
        sealing_key()
        self.folder, self.keep, self.mode = Path(folder), keep, mode
        self._verified = VerifiedCheckpoints()

    def save(
        self,
        step: int,
        write: Callable[[Path], object],
        *,
        score: float | None = None,
        meta: dict[str, Any] | None = None,
    ) -> Checkpoint:
        """Write a checkpoint with `write(empty folder)`, seal it and let old ones go.

        A checkpoint of the same step is replaced. A score that is not finite counts as none.

        Raises:
            CheckpointSaveError: it could not be written; nothing of it is left and the earlier ones stand.
        """
        target = self.folder / f"step_{step}"
        partial = atomic.aside(target, "writing")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            atomic.tidy(self.folder)
            partial.mkdir()
            write(partial)
            serial = 1 + max((s.serial for _, s in find_checkpoints.all_sealed(self.folder)), default=0)
            finite = score if score is not None and math.isfinite(score) else None
            seal.write(partial, step=step, score=finite, mode=self.mode, meta=meta or {}, serial=serial)
            atomic.replace_folder(partial, target)
        except BaseException as error:
            try:
                # Judged before the partial folder goes: a full disk has room again afterwards.
                complaint = self._save_error(step, error)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
            if isinstance(error, Exception):
                raise CheckpointSaveError(complaint) from error
            raise
        self._verified.add(target)
        self._update_links(step)
        return find_checkpoints.described(target, seal.read(target))

    def all(self) -> list[Checkpoint]:
        """The intact checkpoints, oldest first."""
        sealed_checkpoints = find_checkpoints.all_sealed(self.folder)
        return [
            find_checkpoints.described(path, sealed)
            for path, sealed in sealed_checkpoints
            if path in self._verified
        ]

    def _update_links(self, step: int) -> None:
        """Point `latest` and `best` at the right checkpoints, then prune."""
        try:
            sealed_checkpoints = find_checkpoints.all_sealed(self.folder)
            complete = [item for item in sealed_checkpoints if item[0] in self._verified]
            best = next((path for path, _ in find_checkpoints.ranked(complete)), None)
            atomic.point(self.folder / LATEST, complete[-1][0].name)
            if best is None:
                atomic.remove(self.folder / BEST)
            else:
                atomic.point(self.folder / BEST, best.name)
            if len(complete) >= self.keep:
                # A damaged one counts for nothing: it goes with the intact ones of its age.
                self._prune(sealed_checkpoints[: sealed_checkpoints.index(complete[-self.keep])], best)
        except OSError as error:
            # The next save tries again: what is intact is found by its seal, whatever `latest` says.
            _log.warning(
                "checkpoint step_%s is whole, but %s could not be put in order: %s", step, self.folder, error
            )

    def _prune(self, old: list[find_checkpoints.Sealed], best: Path | None) -> None:
        for path, _ in old:
            if path != best:
                try:
                    atomic.discard_folder(path)
                except OSError as error:
                    _log.warning("%s could not be deleted yet: %s", path, error)
                else:
                    self._verified.discard(path)

    def _save_error(self, step: int, error: BaseException) -> str:
        remaining = ", ".join(c.path.name for c in self.all()) or "none"
        reason = atomic.plain_reason(error)
        # Some writers tell only that writing failed (torch does), not that the disk is full.
        if reason is None and shutil.disk_usage(self.folder).free < _LITTLE:
            reason = "no space is left on the disk"
        reason = reason or f"{type(error).__name__}: {error}".splitlines()[0]
        return f"checkpoint step_{step} could not be written to {self.folder}: {reason}; kept: {remaining}"


def resolve(path: Path | str) -> tuple[Checkpoint, list[str]]:
    """The verified checkpoint that `path` means, and a line for each one skipped as damaged.

    `path` is a run folder, its `checkpoints`, `.../latest`, `.../best` or one checkpoint's own folder. The
    first three fall back to the next older checkpoint, `best` to the next best; one that is named must be intact.

    Raises:
        CheckpointError: there is no such checkpoint, or the one named is damaged.
    """
    path = Path(path).expanduser()
    if path.name == LATEST and find_checkpoints.is_store(path.parent):
        return find_checkpoints.latest(path.parent)
    if path.name == BEST and find_checkpoints.is_store(path.parent):
        return find_checkpoints.best(path.parent)
    if (path / "checkpoints").is_dir():
        return find_checkpoints.latest(path / "checkpoints")
    if (path / seal.NAME).exists() or find_checkpoints.STEP.fullmatch(path.name):
        return find_checkpoints.named(path), []
    if not path.exists():
        raise CheckpointError(f"there is no {path}; name a run folder, or runs/<name>/checkpoints/step_<n>")
    return find_checkpoints.latest(path)


def require_trust(checkpoint: Checkpoint, trust: bool) -> None:
    """Let through a checkpoint that this user's key sealed, unaltered, or any that the user trusts.

    Raises:
        CheckpointError: it is foreign and not trusted, or was altered since.
    """
    if trust:
        return
    # The files too: a seal of one's own vouches for what it was made over, not for what lies there now.
    seal.verify(checkpoint.path)
    if seal.origin(checkpoint.path) == "foreign":
        if reason := why_unusable():
            raise CheckpointError(
                f"checkpoint {checkpoint.path} cannot be told to be this user's own: {reason}"
            )
        raise CheckpointError(
            f"checkpoint {checkpoint.path} was not made by this user on this machine, nor lies it in the sweep of "
            "this user's that made it, and loading it runs the code stored in it (pickle)\n"
            "  if you trust where it comes from, write: checkpoint.trust=true"
        )


_log = logging.getLogger(__name__)

_Stamp = tuple[tuple[str, int, int, int], ...]


class VerifiedCheckpoints:
    """Which checkpoints are intact; their files are hashed once, and again when they have changed since.

    A damaged one is logged when it is found.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[_Stamp | None, bool]] = {}

    def __contains__(self, path: Path) -> bool:
        """Whether the checkpoint folder `path` holds what it was sealed with."""
        stamp = _stamp(path)
        result = self._known.get(path)
        if result is None or stamp is None or result[0] != stamp:
            result = self._known[path] = (stamp, _verified(path))
        return result[1]

    def add(self, path: Path) -> None:
        """Takes the folder `path` for intact as it is now: it has just been sealed."""
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
    """What changes with any of the files: names, sizes in bytes, times in ns. None if they cannot be read."""
    try:
        stats = [(str(item), item.lstat()) for item in path.rglob("*")]
    except OSError:
        return None
    return tuple(sorted((name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in stats))
