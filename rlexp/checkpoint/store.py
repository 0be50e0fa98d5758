"""The checkpoints of a run: written aside, sealed, renamed last; the newest whole one is found again."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlexp.checkpoint import atomic, seal
from rlexp.errors import EXIT_FAILED, CheckpointError, ConfigError

LATEST, BEST = "latest", "best"
_STEP = re.compile(r"step_(\d+)")
_LITTLE = 1 << 20  # bytes
_BEST_FAILS = "the best checkpoint is no good: "


class CheckpointSaveError(CheckpointError):
    """A checkpoint could not be written while training (exit code 1); the earlier ones stand."""

    exit_code = EXIT_FAILED


@dataclass(frozen=True)
class Checkpoint:
    """A sealed checkpoint.

    Attributes:
        path: its folder.
        step: environment steps at which it was taken.
        score: value of the metric that picks the best; None when there was none.
        meta: what its writer put beside it.
    """

    path: Path
    step: int
    score: float | None
    meta: dict[str, Any] = field(default_factory=dict)


class CheckpointStore:
    """The folder that a run writes its checkpoints to.

    One process at a time may save to it (the run folder's lock sees to that); any number may read.

    Args:
        folder: made on the first save.
        keep: how many of the newest stay; the best stays besides.
        mode: whether a higher (`max`) or a lower (`min`) score is better.

    Raises:
        ConfigError: `keep` or `mode` is out of range, or the user's sealing key cannot be had.
    """

    def __init__(self, folder: Path, *, keep: int, mode: str = "max") -> None:
        if keep < 1:
            raise ConfigError(f"checkpoint.keep is {keep}; at least 1 must stay", key="checkpoint.keep")
        if mode not in ("max", "min"):
            raise ConfigError(f"checkpoint.mode is {mode!r}; it is max or min", key="checkpoint.mode")
        seal.ensure_key()
        self.folder, self.keep, self.mode = Path(folder), keep, mode

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
            serial = 1 + max((s.serial for _, s in _sealed(self.folder)), default=0)
            finite = score if score is not None and math.isfinite(score) else None
            seal.write(partial, step=step, score=finite, meta=meta or {}, serial=serial)
            atomic.replace_folder(partial, target)
        except BaseException as error:
            try:
                # Judged before the partial folder goes: a full disk has room again afterwards.
                complaint = self._complaint(step, error)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
            if isinstance(error, Exception):
                raise CheckpointSaveError(complaint) from error
            raise
        self._settle(step)
        return _checkpoint(target, seal.read(target))

    def all(self) -> list[Checkpoint]:
        """The checkpoints with an undamaged seal, oldest first; their files are not looked at."""
        return [_checkpoint(path, sealed) for path, sealed in _sealed(self.folder)]

    def latest(self) -> tuple[Checkpoint, list[str]]:
        """The newest checkpoint that verifies, and a line for each newer one that does not.

        Raises:
            CheckpointError: there is none.
        """
        return _latest(self.folder)

    def best(self) -> Checkpoint:
        """The checkpoint with the best score, verified.

        Raises:
            CheckpointError: no checkpoint has a score, or the best is damaged; the message names the others.
        """
        best = self._best()
        if best is None:
            raise CheckpointError(f"no checkpoint in {self.folder} has a score{_others(self.folder, None)}")
        return _verified(best.path, _BEST_FAILS)

    def _best(self) -> Checkpoint | None:
        scored = [c for c in self.all() if c.score is not None]
        sign = 1 if self.mode == "max" else -1
        return max(scored, key=lambda c: sign * (c.score or 0.0), default=None)

    def _settle(self, step: int) -> None:
        """Point `latest` and `best` at the right checkpoints, then prune."""
        try:
            best, checkpoints = self._best(), self.all()
            atomic.point(self.folder / LATEST, checkpoints[-1].path.name)
            if best is None:
                atomic.remove(self.folder / BEST)
            else:
                atomic.point(self.folder / BEST, best.path.name)
            for old in checkpoints[: -self.keep]:
                if best is None or old.path != best.path:
                    atomic.discard_folder(old.path)
        except OSError as error:
            raise CheckpointSaveError(
                f"checkpoint step_{step} is whole, but {self.folder} could not be put in order: {error}"
            ) from error

    def _complaint(self, step: int, error: BaseException) -> str:
        kept = ", ".join(c.path.name for c in self.all()) or "none"
        reason = atomic.plain_reason(error)
        # Some writers tell only that writing failed (torch does), not that the disk is full.
        if reason is None and shutil.disk_usage(self.folder).free < _LITTLE:
            reason = "no space is left on the disk"
        reason = reason or f"{type(error).__name__}: {error}".splitlines()[0]
        return f"checkpoint step_{step} could not be written to {self.folder}: {reason}; kept: {kept}"


def resolve(path: Path | str) -> tuple[Checkpoint, list[str]]:
    """The verified checkpoint that `path` means, and a line for each newer one skipped as damaged.

    `path` is a run folder, its `checkpoints`, `.../latest`, `.../best` or one checkpoint's own folder. The
    first three fall back to an older checkpoint; one that is named must be whole.

    Raises:
        CheckpointError: there is no such checkpoint, or the one named is damaged.
    """
    path = Path(path).expanduser()
    if path.name == LATEST and _is_store(path.parent):
        return _latest(path.parent)
    if path.name == BEST and _is_store(path.parent):
        return _pointed_best(path.parent), []
    if (path / "checkpoints").is_dir():
        return _latest(path / "checkpoints")
    if (path / seal.NAME).exists() or _STEP.fullmatch(path.name):
        return _named(path), []
    if not path.exists():
        raise CheckpointError(f"there is no {path}; name a run folder, or runs/<name>/checkpoints/step_<n>")
    return _latest(path)


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
        raise CheckpointError(
            f"checkpoint {checkpoint.path} was not made by this user on this machine, and loading it runs "
            "the code stored in it (pickle)\n  if you trust where it comes from, write: checkpoint.trust=true"
        )


def _sealed(folder: Path) -> list[tuple[Path, seal.Seal]]:
    """The checkpoints whose seal is undamaged and says the step that their name says, oldest first."""
    found = []
    for path in _step_folders(folder):
        with suppress(CheckpointError):
            found.append((path, _read(path)))
    return sorted(found, key=lambda item: (item[1].serial, item[1].step))


def _read(path: Path) -> seal.Seal:
    sealed = seal.read(path)
    if path.name != f"step_{sealed.step}":
        raise CheckpointError(f"checkpoint {path} was sealed as step_{sealed.step}")
    return sealed


def _step_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [p for p in folder.iterdir() if _STEP.fullmatch(p.name) and p.is_dir() and not p.is_symlink()]


def _latest(folder: Path) -> tuple[Checkpoint, list[str]]:
    _restore(folder)
    skipped = {path: reason for path in _step_folders(folder) if (reason := _flaw(_read, path))}
    for path, sealed in reversed(_sealed(folder)):
        if reason := _flaw(seal.verify, path):
            skipped[path] = reason
            continue
        newer = [reason for other, reason in sorted(skipped.items()) if _counts_as_newer(other, sealed)]
        return _checkpoint(path, sealed), newer + _gone(folder)
    if skipped:
        raise CheckpointError("\n".join((f"no checkpoint in {folder} is whole:", *skipped.values())))
    advice = "the run ended before its first one; start it again, or with a lower checkpoint.every"
    raise CheckpointError(f"{folder} holds no checkpoint: {advice}")


def _restore(folder: Path) -> None:
    """Bring back a checkpoint whose replacing was cut short; who may only read finds the others."""
    with suppress(OSError):
        atomic.tidy(folder, restore_only=True)


def _gone(folder: Path) -> list[str]:
    name = atomic.pointed(folder / LATEST)
    lost = name is not None and not (folder / name).exists()
    return [f"checkpoint {folder / str(name)} is gone, although {LATEST} names it"] if lost else []


def _flaw(check: Callable[[Path], object], path: Path) -> str | None:
    try:
        check(path)
    except CheckpointError as error:
        return str(error)
    return None


def _counts_as_newer(path: Path, chosen: seal.Seal) -> bool:
    try:
        return _read(path).serial > chosen.serial
    except CheckpointError:
        match = _STEP.fullmatch(path.name)
        return match is not None and int(match[1]) > chosen.step


def _named(path: Path) -> Checkpoint:
    _restore(path.parent)
    if not path.is_dir():
        raise CheckpointError(f"there is no checkpoint {path}{_others(path.parent, path)}")
    return _verified(path)


def _is_store(folder: Path) -> bool:
    return folder.name == "checkpoints" or any((path / seal.NAME).exists() for path in _step_folders(folder))


def _pointed_best(folder: Path) -> Checkpoint:
    _restore(folder)
    name = atomic.pointed(folder / BEST)
    if name is None and not (folder / BEST).is_dir():
        raise CheckpointError(f"no checkpoint in {folder} is marked best{_others(folder, None)}")
    # A folder copied with its links followed has the checkpoint itself under this name.
    return _verified(folder / (name or BEST), _BEST_FAILS)


def _verified(path: Path, role: str = "") -> Checkpoint:
    try:
        return _checkpoint(path, seal.verify(path))
    except CheckpointError as error:
        raise CheckpointError(f"{role}{error}{_others(path.parent, path)}") from error


def _others(folder: Path, path: Path | None) -> str:
    names = [str(other) for other, _ in reversed(_sealed(folder)) if other != path]
    return f"\n  others there, newest first: {', '.join(names)}" if names else ""


def _checkpoint(path: Path, sealed: seal.Seal) -> Checkpoint:
    return Checkpoint(path, sealed.step, sealed.score, sealed.meta)
