"""One folder of this machine, and the same in a store: brought there when it has changed, and back when others went on.

Both sides have the name of the last state that was brought in full. Where this machine knows the store's, nobody has
gone on elsewhere, and what lies here counts, which is as new or newer; else the store's counts. Whoever finds another
name there than its own while it trains has lost the run to another process, and stops. On one machine, only the process
that holds the folder changes it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rlexp.base.errors import RunFailedError
from rlexp.base.files import lock
from rlexp.storage.buckets.bucket import Bucket
from rlexp.storage.buckets.local_copies import address, is_uri, make_private
from rlexp.storage.buckets.local_folder import LocalFolder, Stamp
from rlexp.storage.buckets.sync_state import STATE, read_state

LATER = ("seal.json", "latest", "best", "summary.json", "manifest.json", "sweep.json")
"""Files that say of others that they are there, each after those it speaks of."""
CHECKPOINTS = "checkpoints"
SIDE_BY_SIDE = 8
TRIES = 3
WAIT_S, LOOK_S = 30.0, 0.1
"""How long a process of this machine that holds the folder is waited for, and how often it is looked."""


class TakenError(RunFailedError):
    """Another process has gone on with what lies in the store."""


class Mirror:
    """A folder and its place in the store.

    Args:
        folder: of this machine.
        store: the place.
        without: names directly in the folder that are no part of it: a sweep's trials, which are brought by themselves.
    """

    def __init__(self, folder: Path, store: Bucket, without: Sequence[str] = ()) -> None:
        self.folder, self.store, self._local = folder, store, LocalFolder(folder, without)
        self._busy, self._tidied = threading.Lock(), False
        self.paused = False
        """While it is set, `push` brings nothing: what lies here may yet be taken back."""

    @classmethod
    def of(cls, folder: Path, without: Sequence[str] = ()) -> Mirror | None:
        """Of a folder that is a copy; None for any other."""
        place = address(folder)
        return cls(folder, Bucket(place), without) if is_uri(place) else None

    def push(self) -> None:
        """Brings what has changed to the store; nothing there counts as gone before what takes its place is there.

        Raises:
            TakenError: another process has gone on with it.
            OSError: the store cannot be reached or refuses; what is there stands.
        """
        with self._busy:
            for _ in range(TRIES):
                if self.paused or self._push_once():
                    return

    def _push_once(self) -> bool:
        """Whether no file vanished meanwhile, as a checkpoint may; else all is looked at again."""
        known = self._local.read_known()
        sent = {name: (size, changed) for name, (size, changed) in known["files"].items()}
        local_files = self._local.files()
        changed = [name for name, stamp in local_files.items() if sent.get(name) != stamp]
        deleted = [name for name in sent if name not in local_files]
        if not changed and not deleted:
            return True
        remote_state = self._remote_state()
        if remote_state is None:  # Not brought yet, or deleted there.
            changed, deleted, sent = list(local_files), [], {}
        elif remote_state not in (known["push"], known["next"]):
            raise self._taken_error()
        vanished = {name for name in self._upload_in_order(changed) if name is not None}
        if self._remote_state() != remote_state:
            raise self._taken_error()
        if not vanished:
            _map_in_threads(self.store.delete, [*deleted, *self._orphans(local_files)])
        files = {name: local_files[name] for name in local_files if name not in vanished}
        if vanished:
            files |= {name: sent[name] for name in deleted}
        self._name_state(remote_state, files)
        return not vanished

    def _taken_error(self) -> TakenError:
        return TakenError(
            f"another process has gone on with {self.store.uri}; what this one has since is kept here"
        )

    def _orphans(self, local_files: Iterable[str]) -> list[str]:
        """Checkpoints in the store that this machine knows nothing of: of a process that lost the run as it pushed."""
        if self._tidied:
            return []
        self._tidied = True
        local_folders = {name.rpartition("/")[0] for name in local_files}
        remote_files = self.store.sizes(CHECKPOINTS)
        folders = {name: "/".join(name.split("/")[:2]) for name in remote_files if name.count("/") > 1}
        return [
            name for name, folder in folders.items() if not any(f.startswith(folder) for f in local_folders)
        ]

    def _upload_in_order(self, names: Iterable[str]) -> list[str | None]:
        """Brings files, those of `LATER` last; returns for each None, or its name if it vanished."""

        def upload(name: str) -> str | None:
            path = self.folder / name
            try:
                if path.is_symlink():  # One checkpoint's other name: stores know no links.
                    self.store.write(name, f"{path.readlink()}\n".encode())
                else:
                    self.store.upload(path, name)
            except FileNotFoundError:
                return name
            return None

        ranks: dict[int, list[str]] = {}
        for name in names:
            last = name.rpartition("/")[2]
            ranks.setdefault(LATER.index(last) if last in LATER else -1, []).append(name)
        return [vanished for rank in sorted(ranks) for vanished in _map_in_threads(upload, ranks[rank])]

    def fetch(self) -> None:
        """Makes this machine's folder what the store has, unless nobody else has gone on with it.

        What is left here of something that the store no longer has goes. While another process of this machine holds
        the folder, it is waited for if it brings what is missing; if it trains, what lies here is as new as can be.

        Raises:
            OSError: the store cannot be reached.
        """
        with self._busy:
            until = time.monotonic() + WAIT_S
            while not self._is_current():
                with self.exclusive() as free:
                    if free:
                        self._fetch(claim=False)
                        return
                if time.monotonic() > until:
                    return
                time.sleep(LOOK_S)

    def claim(self) -> None:
        """The same for a process that holds the folder and goes on with it: one elsewhere can bring nothing more.

        Raises:
            OSError: the store cannot be reached.
        """
        with self._busy:
            self._fetch(claim=True)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[bool]:
        """Whether no other process of this machine holds the folder; meanwhile, none does."""
        make_private()
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            folder_lock = lock.hold(self.folder)
        except lock.InUseError:
            yield False
            return
        try:
            yield True
        finally:
            lock.release(self.folder, folder_lock)

    def _is_current(self) -> bool:
        """Whether what lies here is of the store's state, or came of it; or there is nothing on either side."""
        remote_state = self._remote_state()
        return not self.folder.is_dir() if remote_state is None else self.has_state(remote_state)

    def _fetch(self, *, claim: bool) -> None:
        for _ in range(TRIES):
            if self._fetch_once(claim):
                return

    def _fetch_once(self, claim: bool) -> bool:
        """Whether nobody brought anything meanwhile; else what came may be of two states."""
        state, known = read_state(self.store), self._local.read_known()
        if state is None:
            self._local.clear(keep=())
            return True
        remote_state = str(state["push"])
        if remote_state in (known["push"], known["next"]):
            if claim:
                self._name_state(remote_state, known["files"])
            return True
        self._local.without = tuple(state["without"])
        name = self._write_remote_state(secrets.token_hex(8)) if claim else remote_state
        names = [each for each in self.store.sizes() if self._local.belongs(each)]
        came = [
            each for each, found in zip(names, _map_in_threads(self._download, names), strict=True) if found
        ]
        self._local.clear(keep=came)
        local_files = self._local.files()
        # Only now: cut short before, what lies here is of no state at all.
        self._local.write_known(
            push=name, next=name, files={each: local_files[each] for each in came if each in local_files}
        )
        return self._remote_state() == name

    def _name_state(self, remote_state: str | None, files: dict[str, Stamp]) -> None:
        """Gives the state that the store has now a name, which this machine knows, however the process ends."""
        name = secrets.token_hex(8)
        self._local.write_known(push=remote_state, next=name, files=files)
        self._write_remote_state(name)
        self._local.write_known(push=name, next=name, files=files)

    def _write_remote_state(self, name: str) -> str:
        state = {
            "push": name,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "without": list(self._local.without),
        }
        self.store.write(STATE, json.dumps(state).encode())
        return name

    def discard(self) -> None:
        """Deletes it in the store."""
        with self._busy:
            self.store.delete_all()

    def has_state(self, state: str) -> bool:
        """Whether this machine has that state, or what came of it here."""
        known = self._local.read_known()
        return state in (known["push"], known["next"])

    def _download(self, name: str) -> bool:
        return self.store.download(name, self.folder / name)

    def _remote_state(self) -> str | None:
        state = read_state(self.store)
        return None if state is None else str(state["push"])


def _map_in_threads(do: Callable[[str], Any], names: Sequence[str]) -> list[Any]:
    if len(names) < 2:
        return [do(name) for name in names]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(do, names))
