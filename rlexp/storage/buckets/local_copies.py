"""Which folder of this machine stands for a place in a store; the rest of rlexp knows folders alone."""

from __future__ import annotations

import os
import re
from pathlib import Path

from rlexp.base.errors import ConfigError

ROOT = "RLEXP_STORAGE"
"""Environment variable: the folder of this machine's copies."""
_URI = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<rest>.*)", re.IGNORECASE)


def copies() -> Path:
    """The folder of this machine's copies: `RLEXP_STORAGE`, else `~/.cache/rlexp/storage`."""
    if configured := os.environ.get(ROOT):
        return Path(configured).expanduser().absolute()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return cache.absolute() / "rlexp" / "storage"


def make_private() -> None:
    """Makes the folder of copies where there is none: what lies in a bucket may be for its members alone.

    Raises:
        OSError: it cannot be made.
    """
    copies().parent.mkdir(parents=True, exist_ok=True)
    copies().mkdir(exist_ok=True, mode=0o700)


def is_uri(place: Path | str) -> bool:
    """Whether `place` is an address in a store."""
    return _URI.match(str(place)) is not None


def local(place: Path | str) -> Path:
    """The folder of this machine that stands for `place`: itself, or the copy of what lies in a store there."""
    uri = _URI.match(str(place))
    if uri is None:
        return Path(place).expanduser()
    parts = [part for part in uri["rest"].split("/") if part]
    return copies().joinpath(uri["scheme"].lower(), *parts)


def address(folder: Path) -> str:
    """Where a folder of this machine belongs: the address in the store that it is a copy of, else its own path."""
    root = copies()
    if not folder.is_relative_to(root):
        return str(folder)
    scheme, *parts = folder.relative_to(root).parts or ("",)
    return f"{scheme}://{'/'.join(parts)}" if parts else str(folder)


def check_place(key: str, place: str) -> None:
    """Refuses an address that no run can be kept at.

    Raises:
        ConfigError: with what to write.
    """
    if not place.strip() or not place.isprintable():
        what = "is empty" if not place.strip() else f"{place!r} has signs that cannot be printed"
        raise ConfigError(f"{key}: {what}; it is a folder or an address", key=key, fix=f"{key}=<folder>")
    uri = _URI.match(place)
    if uri is None:
        return
    scheme, rest = uri["scheme"].lower(), uri["rest"]
    if scheme == "file":
        raise ConfigError(f"{key}={place} is a folder", key=key, fix=f"{key}={rest}")
    if "?" in rest:
        raise ConfigError(
            f"{key}={place}: settings of a store are not read from its address",
            key=key,
            fix=f"{key}={place.partition('?')[0]}, and environment variables, such as AWS_ENDPOINT_URL",
        )
    parts = [part for part in rest.split("/") if part]
    if len(parts) < 2 or any(part in (".", "..") for part in parts):
        raise ConfigError(
            f"{key}={place} names no folder in a bucket", key=key, fix=f"{key}=s3://<bucket>/runs"
        )
    from rlexp.storage.buckets.bucket import Bucket

    try:
        Bucket(f"{scheme}://{rest}")
    except (OSError, ValueError, ImportError) as error:
        raise ConfigError(f"{key}={place}: {str(error).splitlines()[0]}", key=key) from error
