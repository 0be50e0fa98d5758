"""The seal of a checkpoint: which files belong to it, their hashes, and whose key vouches for them.

`seal.json` is written last, when all else is on the disk. A digest over it tells damage from wholeness for
anyone; an HMAC with a key that only this user has, or has lent, tells the user's own checkpoints from foreign ones.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from rlexp.base.errors import CheckpointError
from rlexp.base.files.atomic import sync_folder, to_json, write_text
from rlexp.base.files.ownership import read_small
from rlexp.storage.checkpoint.seal_key import key_named, purpose_of, sealing_key, vouches

NAME = "seal.json"
ADDED_LATER = frozenset({"evaluation.json", "evaluation.json.unreadable", "evaluation.log"})
"""Written into a checkpoint by its evaluation; nothing that is loaded."""
FORMAT = 2
_BODY = ("format", "step", "score", "mode", "meta", "created", "serial", "files", "folders", "key")
_CHUNK = 1 << 20
LONGEST = LONGEST_PLAN = 1 << 26  # bytes


@dataclass(frozen=True)
class Seal:
    """What `seal.json` says.

    Attributes:
        step: environment steps at which the checkpoint was taken.
        score: value of the metric that picks the best; None when there was none.
        mode: `max` when a higher score is better, `min` when a lower one is.
        meta: whatever the writer wants back.
        created: UTC time, ISO 8601.
        serial: counts the saves of a store; a higher one is newer, whatever the clock said.
        files: relative path to `{"size": bytes, "sha256": hex}`, the seal itself left out.
        folders: relative paths of all folders, empty ones too.
        key: name of the key that made the HMAC (not the key).
    """

    format: int
    step: int
    score: float | None
    mode: str
    meta: dict[str, Any]
    created: str
    serial: int
    files: dict[str, dict[str, Any]]
    folders: list[str]
    key: str
    hmac: str


def write(
    path: Path, *, step: int, score: float | None, mode: str, meta: dict[str, Any], serial: int
) -> Seal:
    """Seal the folder `path` as it is: make its files durable, hash them, write `seal.json`.

    Raises:
        CheckpointError: it holds something other than plain files and folders.
        OSError: the disk is full or failed.
        TypeError: `meta` is not plain data.
    """
    key = sealing_key()
    files, folders = _contents(path)
    sealed = {
        name: {"size": (path / name).stat().st_size, "sha256": _sync_and_hash(path / name)} for name in files
    }
    for name in [*folders, "."]:
        sync_folder(path / name)
    values = (FORMAT, step, score, mode, meta, _now(), serial, sealed, folders, key.name)
    body = json.loads(to_json(dict(zip(_BODY, values, strict=True)), strict=False))
    signed = body | {"hmac": _sign(key.secret, body)}
    write_text(path / NAME, to_json(signed | {"digest": _digest(signed)}, strict=False) + "\n")
    return Seal(**signed)


def read(path: Path) -> Seal:
    """The seal of the checkpoint folder `path`, itself proved undamaged; its files are not looked at.

    Raises:
        CheckpointError: there is no seal, or it was altered, or another version wrote it.
    """
    try:
        content = json.loads(read_small(path / NAME, LONGEST))
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(
            f"checkpoint {path} has no {NAME}: it was never finished, or is no checkpoint"
        ) from None
    except (ValueError, RecursionError):
        raise CheckpointError(f"checkpoint {path} is damaged: {NAME} was altered or truncated") from None
    except OSError as error:
        raise CheckpointError(
            f"checkpoint {path}: {NAME} cannot be read: {error.strerror or error}"
        ) from error
    seal_format = content.get("format") if isinstance(content, dict) else None
    if isinstance(seal_format, int) and seal_format != FORMAT:
        advice = "upgrade it" if seal_format > FORMAT else "use the older one that wrote it"
        raise CheckpointError(
            f"checkpoint {path} has seal format {seal_format}, this rlexp reads {FORMAT}: {advice}"
        )
    return _checked(path, content)


def verify(path: Path) -> Seal:
    """Prove that the checkpoint folder `path` holds exactly the files it was sealed with, byte for byte.

    Raises:
        CheckpointError: a file is missing, altered, truncated or was added; the message names it.
    """
    seal = read(path)
    try:
        files, folders = _contents(path)
        _compare_names(path, sorted(seal.files), files, "file")
        _compare_names(path, seal.folders, folders, "folder")
        for name, sealed in seal.files.items():
            _compare_content(path, name, sealed)
    except OSError as error:
        raise CheckpointError(f"checkpoint {path} cannot be read: {error}") from error
    return seal


def origin(path: Path) -> Literal["own", "foreign"]:
    """Whether this user's key sealed the checkpoint folder `path` (its files are not looked at).

    A key that was lent to a sweep counts in that sweep's folder only.

    Raises:
        CheckpointError: the seal is missing or altered.
    """
    key = key_named(read(path).key)
    if key is None:
        return "foreign"
    purpose = purpose_of(key.name)
    return "own" if purpose is None or _lies_in_sweep(path, purpose) else "foreign"


def _lies_in_sweep(path: Path, seals: str) -> bool:
    """Whether a checkpoint lies in `<sweep>/trials/<trial>/checkpoints` of the sweep that was lent that key."""
    above = path.resolve().parents
    if len(above) < 4 or above[2].name != "trials":
        return False
    try:
        plan = json.loads(read_small(above[3] / "plan.json", LONGEST_PLAN))
        return vouches("seals", seals, plan["vouched"][seals])
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return False


def _checked(path: Path, content: Any) -> Seal:
    """Check `content` against its digest and, if it claims to be this user's, against its HMAC."""
    damaged = CheckpointError(f"checkpoint {path} is damaged: {NAME} was altered")
    if not isinstance(content, dict) or set(content) != {*_BODY, "hmac", "digest"}:
        raise damaged
    digest = content.pop("digest")
    if digest != _digest(content) or not _well_formed(content):
        raise damaged
    seal = Seal(**content)
    key = key_named(seal.key)
    if key and not hmac.compare_digest(seal.hmac.encode(), _sign(key.secret, _body(seal)).encode()):
        raise damaged
    return seal


def _well_formed(content: dict[str, Any]) -> bool:
    """Whether all fields have their types: a foreign seal may hold anything under a right digest."""
    types: dict[str, Any] = {"format": int, "step": int, "score": (int, float, type(None)), "mode": str}
    types |= {"meta": dict, "created": str, "serial": int, "files": dict, "folders": list}
    types |= {"key": str, "hmac": str}
    return (
        content["mode"] in ("max", "min")
        and all(isinstance(content[name], kind) for name, kind in types.items())
        and all(isinstance(name, str) for name in content["folders"])
        and all(
            isinstance(file, dict) and set(file) == {"size", "sha256"} for file in content["files"].values()
        )
        and all(isinstance(file["size"], int) for file in content["files"].values())
    )


def _sign(key: bytes, body: dict[str, Any]) -> str:
    return hmac.new(key, _canonical(body), hashlib.sha256).hexdigest()


def _digest(signed: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(signed)).hexdigest()


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _body(seal: Seal) -> dict[str, Any]:
    return {name: value for name, value in vars(seal).items() if name != "hmac"}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _contents(path: Path) -> tuple[list[str], list[str]]:
    """Relative POSIX paths of the files (without the seal) and of the folders under `path`, sorted."""
    files, folders = [], []
    for item in path.rglob("*"):
        name, mode = item.relative_to(path).as_posix(), item.lstat().st_mode
        if stat.S_ISDIR(mode):
            folders.append(name)
        elif not stat.S_ISREG(mode):
            raise CheckpointError(
                f"checkpoint {path} is refused: {name} is a link or device, not a plain file"
            )
        elif name != NAME and name not in ADDED_LATER:
            files.append(name)
    return sorted(files), sorted(folders)


def _sync_and_hash(file: Path) -> str:
    # Windows flushes only what is open for writing; elsewhere a file may well be read-only.
    with file.open("rb" if os.name == "posix" else "rb+") as opened:
        os.fsync(opened.fileno())
    return _hash(file)


def _hash(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _compare_names(path: Path, sealed: list[str], present: list[str], kind: str) -> None:
    missing, added = sorted(set(sealed) - set(present)), sorted(set(present) - set(sealed))
    if missing:
        raise CheckpointError(f"checkpoint {path} is damaged: {kind} {_some(missing)} missing")
    if added:
        raise CheckpointError(
            f"checkpoint {path} is refused: {kind} {_some(added)} not part of what was sealed"
        )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more + (" is" if len(names) == 1 else " are")


def _compare_content(path: Path, name: str, sealed: dict[str, Any]) -> None:
    size = (path / name).stat().st_size
    if size != sealed["size"]:
        change = "truncated" if size < sealed["size"] else "longer than sealed"
        raise CheckpointError(
            f"checkpoint {path} is damaged: {name} is {change} ({size} bytes, sealed with {sealed['size']})"
        )
    if _hash(path / name) != sealed["sha256"]:
        raise CheckpointError(f"checkpoint {path} is damaged: {name} was altered (its hash differs)")
