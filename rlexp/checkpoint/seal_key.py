"""The secret key with which a user seals checkpoints: made once, readable by that user alone."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from rlexp.checkpoint.atomic import sync_folder
from rlexp.errors import ConfigError

_FIX = "RLEXP_HOME=<a folder you can write to> rlexp ..."


def key_path() -> Path:
    """Where this user's key lies: under `$RLEXP_HOME`, else `~/.config/rlexp`."""
    if home := os.environ.get("RLEXP_HOME"):
        return Path(home) / "seal.key"
    try:
        return Path.home() / ".config" / "rlexp" / "seal.key"
    except RuntimeError as error:
        raise ConfigError(
            f"there is no home folder for the key that seals checkpoints: {error}", fix=_FIX
        ) from None


def ensure_key() -> bytes:
    """This user's secret key, made on first use, readable by the user alone.

    Raises:
        ConfigError: the key can be neither read nor made.
    """
    path = key_path()
    try:
        if not path.exists():
            _create_key(path)
        return load_key(path)
    except OSError as error:
        raise ConfigError(
            f"the key that seals checkpoints, {path}, cannot be read or made: {error.strerror or error}",
            fix=_FIX,
        ) from error


def load_key(path: Path) -> bytes:
    """The key in the file `path`.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ConfigError: it holds no key.
    """
    text = path.read_text(encoding="ascii", errors="replace").strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ConfigError(
            f"{path} does not hold a key (64 hexadecimal digits)",
            fix=f"rm {path}   # a new one is made; checkpoints sealed so far then need checkpoint.trust=true",
        )
    return key


def key_name(key: bytes) -> str:
    """A name for the key that does not give it away."""
    return hashlib.sha256(b"rlexp seal key\0" + key).hexdigest()[:16]


def _create_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # Of two first runs at once, one makes the key and both use it: a link never replaces.
        with suppress(FileExistsError):
            _link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except FileExistsError:
        raise
    except OSError:
        # A filesystem without hard links.
        if not target.exists():
            source.replace(target)
