"""Which checkpoints lie in a folder, which are intact, and the newest and the best of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlexp.base.errors import CheckpointError
from rlexp.base.files import atomic
from rlexp.storage.checkpoint import seal

LATEST, BEST = "latest", "best"
STEP = re.compile(r"step_(\d+)")

Sealed = tuple[Path, seal.Seal]


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


def described(path: Path, sealed: seal.Seal) -> Checkpoint:
    """The checkpoint folder `path` as its seal describes it."""
    return Checkpoint(path, sealed.step, sealed.score, sealed.meta)


def all_sealed(folder: Path) -> list[Sealed]:
    """The checkpoints whose seal is undamaged and says the step that their name says, oldest first."""
    sealed = []
    for path in _step_folders(folder):
        with suppress(CheckpointError):
            sealed.append((path, _read(path)))
    return sorted(sealed, key=lambda item: (item[1].serial, item[1].step))


def ranked(sealed: Sequence[Sealed]) -> list[Sealed]:
    """Those of `sealed` (oldest first) that have a score, the best first, of equals the oldest.

    Whether higher is better, the newest says: that may have been changed when the run was resumed.
    """
    sign = -1 if sealed and sealed[-1][1].mode == "max" else 1
    with_score = [item for item in sealed if item[1].score is not None]
    return sorted(with_score, key=lambda item: sign * (item[1].score or 0.0))


def latest(folder: Path) -> tuple[Checkpoint, list[str]]:
    """The newest intact checkpoint in `folder`, and a line for each newer one that is damaged.

    Raises:
        CheckpointError: there is none.
    """
    _restore(folder)
    skipped = {path: reason for path in _step_folders(folder) if (reason := _damage(_read, path))}
    for path, sealed in reversed(all_sealed(folder)):
        if reason := _damage(seal.verify, path):
            skipped[path] = reason
            continue
        newer = [reason for other, reason in sorted(skipped.items()) if _counts_as_newer(other, sealed)]
        return described(path, sealed), newer + _missing_target(folder, LATEST)
    if skipped:
        raise CheckpointError("\n".join((f"no checkpoint in {folder} is whole:", *skipped.values())))
    advice = "the run ended before its first one; start it again, or with a lower checkpoint.every"
    raise CheckpointError(f"{folder} holds no checkpoint: {advice}")


def best(folder: Path) -> tuple[Checkpoint, list[str]]:
    """The intact checkpoint in `folder` with the best score, and a line for each better one that is damaged.

    Raises:
        CheckpointError: none that has a score is intact; the message names the others.
    """
    _restore(folder)
    paths = [path for path, _ in ranked(all_sealed(folder))]
    # What the mark names may have lost its seal; and a folder that was copied with its links followed has
    # the checkpoint itself under this name.
    marked = folder / (atomic.pointed(folder / BEST) or BEST)
    if marked.is_dir() and marked not in paths:
        paths.insert(0, marked)
    skipped = _missing_target(folder, BEST)
    for path in paths:
        if reason := _damage(seal.verify, path):
            skipped.append(reason)
        else:
            return described(path, seal.read(path)), skipped
    complete = [path for path, _ in all_sealed(folder) if path not in paths]
    reasons = "\n".join((f"no checkpoint in {folder} that has a score is whole:", *skipped))
    nothing = reasons if skipped else f"no checkpoint in {folder} has a score"
    raise CheckpointError(nothing + _listed(complete))


def named(path: Path) -> Checkpoint:
    """The checkpoint whose folder is `path`, verified.

    Raises:
        CheckpointError: it is not there or damaged; the message names the others beside it.
    """
    _restore(path.parent)
    others = _listed([other for other, _ in all_sealed(path.parent) if other != path])
    if not path.is_dir():
        raise CheckpointError(f"there is no checkpoint {path}{others}")
    try:
        return described(path, seal.verify(path))
    except CheckpointError as error:
        raise CheckpointError(f"{error}{others}") from error


def is_store(folder: Path) -> bool:
    """Whether `folder` is one that a run keeps its checkpoints in."""
    return folder.name == "checkpoints" or any((path / seal.NAME).exists() for path in _step_folders(folder))


def _read(path: Path) -> seal.Seal:
    sealed = seal.read(path)
    if path.name != f"step_{sealed.step}":
        raise CheckpointError(f"checkpoint {path} was sealed as step_{sealed.step}")
    return sealed


def _step_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [p for p in folder.iterdir() if STEP.fullmatch(p.name) and p.is_dir() and not p.is_symlink()]


def _restore(folder: Path) -> None:
    """Bring back a checkpoint whose replacing was cut short; who may only read finds the others."""
    with suppress(OSError):
        atomic.tidy(folder, restore_only=True)


def _missing_target(folder: Path, mark: str) -> list[str]:
    name = atomic.pointed(folder / mark)
    missing = name is not None and not (folder / name).exists()
    return [f"checkpoint {folder / str(name)} is gone, although {mark} names it"] if missing else []


def _damage(check: Callable[[Path], object], path: Path) -> str | None:
    try:
        check(path)
    except CheckpointError as error:
        return str(error)
    return None


def _counts_as_newer(path: Path, chosen: seal.Seal) -> bool:
    try:
        return _read(path).serial > chosen.serial
    except CheckpointError:
        match = STEP.fullmatch(path.name)
        return match is not None and int(match[1]) > chosen.step


def _listed(paths: Sequence[Path]) -> str:
    names = ", ".join(str(path) for path in reversed(paths))
    return f"\n  others there, newest first: {names}" if names else ""
