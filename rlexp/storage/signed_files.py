"""Says of a config's file whether this user wrote it, unchanged since, or whether it came from elsewhere.

A run's or a sweep's folder holds `signed.json` beside its configs: an HMAC of each file's name and content, with the
user's own key, or with one that was lent to a sweep and vouches for that sweep's trials alone. Inside a checkpoint the
checkpoint's seal vouches. A signature is written before its file, and the one before is kept: after a crash in between,
the file that is there is still its user's own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from rlexp.base.errors import CheckpointError, ConfigError
from rlexp.base.files.atomic import write_json, write_text
from rlexp.base.files.ownership import open_plain, read_small
from rlexp.storage.checkpoint import seal
from rlexp.storage.checkpoint.seal_key import key_named, purpose_of, sealing_key, vouches

NAME = "signed.json"
_PURPOSE = b"rlexp signed file\0"
_KEPT = 2
_LARGEST = 1 << 16  # bytes of a `signed.json`; a longer one is nobody's
_LARGEST_FILE = 1 << 30  # bytes of what is signed: a sweep of 100,000 trials has less


def write_signed(file: Path, text: str) -> None:
    """Replaces `file` by `text` and vouches for it, unless it came from elsewhere: then it stays a stranger's.

    Unsigned, too, where there is no key and none can be made.

    Raises:
        OSError: the file could not be written.
    """
    if not file.exists() or is_own(file):
        _sign_ahead(file, text)
    write_text(file, text)


def _sign_ahead(file: Path, text: str) -> None:
    with suppress(ConfigError):
        key = sealing_key()
        digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
        mine = {"key": key.name, "hmac": _sign(key.secret, file.name, digest)}
        signed = _read(file.parent)
        before = [entry for entry in signed.get(file.name, []) if entry != mine]
        write_json(file.with_name(NAME), {**signed, file.name: [*before, mine][-_KEPT:]})


def is_own(file: Path) -> bool:
    """Whether this user wrote `file` as it is: the config of a run or of a checkpoint, or a sweep's plan."""
    digest = _digest(file)
    if digest is None:
        return False
    if (file.parent / seal.NAME).exists():
        return _is_sealed(file, digest)
    return any(_vouches(entry, file, digest) for entry in _read(file.parent).get(file.name, []))


def _digest(file: Path) -> str | None:
    """SHA-256 of what a plain file holds; None where it cannot be read, or is larger than any that is signed."""
    digest = hashlib.sha256()
    try:
        with open_plain(file) as content:
            if os.fstat(content.fileno()).st_size > _LARGEST_FILE:
                return None
            while chunk := content.read(1 << 20):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()


def _is_sealed(file: Path, digest: str) -> bool:
    try:
        sealed = seal.read(file.parent).files.get(file.name, {})
        return sealed.get("sha256") == digest and seal.origin(file.parent) == "own"
    except CheckpointError:
        return False


def _vouches(entry: Any, file: Path, digest: str) -> bool:
    name = entry.get("key") if isinstance(entry, dict) else None
    key = key_named(name) if isinstance(name, str) else None
    if key is None or not isinstance(entry.get("hmac"), str):
        return False
    right = _sign(key.secret, file.name, digest)
    if not hmac.compare_digest(entry["hmac"].encode(), right.encode()):
        return False
    purpose = purpose_of(key.name)
    return purpose is None or _is_trial_of(file, purpose)


def _is_trial_of(file: Path, seals: str) -> bool:
    """Whether `file` lies in a trial of the user's own sweep that this key was lent to."""
    above = file.absolute().parents
    if len(above) < 3 or above[1].name != "trials":
        return False
    try:
        plan = json.loads(read_small(above[2] / "plan.json", seal.LONGEST_PLAN))
        return vouches("seals", seals, plan["vouched"][seals])
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return False


def _sign(key: bytes, name: str, digest: str) -> str:
    return hmac.new(key, _PURPOSE + f"{name}\0{digest}".encode(), hashlib.sha256).hexdigest()


def _read(folder: Path) -> dict[str, list[Any]]:
    """The signatures beside a folder's files; none where the record is missing or damaged."""
    try:
        content = json.loads(read_small(folder / NAME, _LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: entries for name, entries in content.items() if isinstance(entries, list)}
