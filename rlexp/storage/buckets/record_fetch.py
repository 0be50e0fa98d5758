"""Downloads the records of runs on other machines: all of their folders in a store but what is large."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rlexp.base.files.atomic import write_text
from rlexp.base.files.ownership import read_small
from rlexp.base.files.record_names import is_inside
from rlexp.storage.buckets.bucket import Bucket
from rlexp.storage.buckets.local_copies import address, is_uri
from rlexp.storage.buckets.mirror import SIDE_BY_SIDE, Mirror
from rlexp.storage.buckets.sync_state import SEEN, STATE, read_state

LARGE = ("checkpoints", "wandb", "videos", "tensorboard")
"""Folders of a run that no report reads."""


def fetch_below(folder: Path) -> None:
    """Brings the records of all runs below a folder that is a copy; harmless for any other.

    Raises:
        OSError: the store cannot be reached.
    """
    if not is_uri(address(folder)):
        return
    store = Bucket(address(folder))
    names = list(store.sizes())
    owners = sorted(name[: -len(STATE)].rstrip("/") for name in names if name.split("/")[-1] == STATE)
    owners = [owner for owner in owners if not owner or is_inside(owner)]
    names_by_owner: dict[str, list[str]] = {owner: [] for owner in owners}
    for name in names:
        owner = _owner(name, names_by_owner)
        if owner is not None:
            names_by_owner[owner].append(name.removeprefix(owner).lstrip("/"))
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        list(pool.map(lambda owner: _fetch(folder / owner, names_by_owner[owner]), owners))


def fetch_one(folder: Path) -> None:
    """Brings the records of one run, in a folder that is a copy; harmless for any other.

    Raises:
        OSError: the store cannot be reached.
    """
    if is_uri(address(folder)):
        _fetch(folder, None)


def _owner(name: str, owners: Iterable[str]) -> str | None:
    """The nearest run above a file."""
    parts = name.split("/")[:-1]
    candidates = ("/".join(parts[:depth]) for depth in range(len(parts), -1, -1))
    return next((each for each in candidates if each in owners), None)


def _fetch(folder: Path, names: Iterable[str] | None) -> None:
    mirror = Mirror(folder, Bucket(address(folder)))
    remote_state = read_state(mirror.store)
    if remote_state is None:
        return
    state = remote_state["push"]
    if mirror.has_state(state) or _seen(folder) == state:
        return
    with mirror.exclusive() as free:
        if not free or mirror.has_state(state):  # Whoever trains here has as much.
            return
        for name in mirror.store.sizes(deep=False) if names is None else names:
            if is_inside(name) and name.partition("/")[0] not in LARGE and name.rpartition("/")[2] != STATE:
                mirror.store.download(name, folder / name)
        write_text(folder / SEEN, state)


def _seen(folder: Path) -> str | None:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return read_small(folder / SEEN).decode("utf-8")
    return None
