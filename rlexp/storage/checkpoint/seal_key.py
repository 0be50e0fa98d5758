"""The secret keys that checkpoints are sealed with: a user's own, made once, and what is derived from it to be lent.

A sweep's trials may run on machines where the user's key does not lie. They are lent one that is good for this sweep
alone: whoever reads it there can vouch for the sweep's checkpoints, which are made there anyway, and for nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import shlex
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rlexp.base.errors import ConfigError
from rlexp.base.files.atomic import sync_folder
from rlexp.base.files.ownership import keep_private, others_may_change, read_small
from rlexp.base.user_folder import user_folder

_FIX = "RLEXP_HOME=<a folder you can write to> rlexp ..."


@dataclass(frozen=True)
class SealKey:
    """A secret and its name, which does not give it away: the user's key's, and `/purpose` where it is derived."""

    name: str
    secret: bytes = field(repr=False)

    def derived(self, purpose: str) -> SealKey:
        """A key for one purpose, from which this one cannot be derived."""
        return SealKey(
            f"{self.name}/{purpose}", hmac.new(self.secret, purpose.encode(), hashlib.sha256).digest()
        )


_borrowed: dict[str, SealKey] = {}
"""The key that this process seals with in place of the user's, under its name; at most one."""


def borrow(key: SealKey) -> None:
    """From now on this process seals with `key`, and takes for its user's own what that has sealed."""
    _borrowed.clear()
    _borrowed[key.name] = key


def sealing_key() -> SealKey:
    """What this process seals with: the borrowed key, else the user's, which is made on first use.

    Raises:
        ConfigError: the user's key can be neither read nor made.
    """
    return next(iter(_borrowed.values()), None) or ensure_key()


def key_named(name: str) -> SealKey | None:
    """The key of that name: the borrowed one, the user's, or one derived from that; None for anybody else's.

    A missing key is not made here: reading must leave no trace.
    """
    if name in _borrowed:
        return _borrowed[name]
    try:
        own = load_key(key_path())
    except (OSError, ConfigError):
        return None
    if name == own.name:
        return own
    purpose = name.removeprefix(f"{own.name}/")
    return own.derived(purpose) if purpose != name else None


def why_unusable() -> str | None:
    """Why this user's key cannot be used although it is there; None if it can, or there is none."""
    try:
        load_key(key_path())
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{key_path()} cannot be read: {error.strerror or error}"
    except ConfigError as error:
        return str(error)
    return None


def key_path() -> Path:
    """Where this user's key lies: under `$RLEXP_HOME`, else `~/.config/rlexp`."""
    return user_folder() / "seal.key"


def ensure_key() -> SealKey:
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


def load_key(path: Path) -> SealKey:
    """The key in the file `path`.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ConfigError: it holds no key.
    """
    text = read_small(path).decode("ascii", errors="replace").strip()
    _refuse_shared(path)
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ConfigError(
            f"{path} does not hold a key (64 hexadecimal digits)",
            fix=f"rm {path}   # a new one is made; checkpoints sealed so far then need checkpoint.trust=true",
        )
    return SealKey(hashlib.sha256(b"rlexp seal key\0" + key).hexdigest()[:16], key)


def _refuse_shared(path: Path) -> None:
    """Whoever may write the key may give it: what they seal would count as this user's own."""
    for place in (path, path.parent):
        if reason := others_may_change(place):
            raise ConfigError(
                f"the key that seals checkpoints is not used: {reason}",
                fix=f"chmod go-w {shlex.quote(str(place))}   (or RLEXP_HOME=<a folder of your own> rlexp ...)",
            )
    with suppress(OSError):
        keep_private(path)


def vouch(kind: str, content: object) -> str:
    """This user's signature under plain data of some kind, e.g. what a sweep's command was.

    Raises:
        ConfigError: the user's key can be neither read nor made.
    """
    return _signature(ensure_key(), kind, content)


def vouches(kind: str, content: object, signature: object) -> bool:
    """Whether it is this user's signature under that content."""
    try:
        expected = _signature(load_key(key_path()), kind, content)
    except (OSError, ConfigError, TypeError, ValueError):
        return False
    return isinstance(signature, str) and hmac.compare_digest(signature.encode(), expected.encode())


def _signature(key: SealKey, kind: str, content: object) -> str:
    text = json.dumps([kind, content], sort_keys=True, separators=(",", ":"))
    return hmac.new(key.derived("rlexp signature").secret, text.encode(), hashlib.sha256).hexdigest()


def purpose_of(name: str) -> str | None:
    """What a key of that name has been lent for; None for a user's own, and for the one that this process was lent."""
    return None if name in _borrowed else name.partition("/")[2] or None


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
