"""A sweep's sealing key on its way to its trials' processes, which may be on machines where the user's does not lie.

It goes through the memory of Ray's head and is never on a disk. Whoever can read it there can run code as this user in
that cluster anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rlexp.compat import ray_core
from rlexp.storage.checkpoint import seal_key

_SPACE = b"rlexp sealing keys"


@contextmanager
def lent(token: str) -> Iterator[None]:
    """Lets the trials' processes `borrow` the key of the sweep that `token` stands for, meanwhile.

    Raises:
        ConfigError: this user's own key cannot be had.
    """
    key = seal_key.ensure_key().derived(token)
    entry = f"{key.name} {key.secret.hex()}".encode()
    ray_core.put(token, entry, _SPACE)
    try:
        yield
    finally:
        with suppress(Exception):  # The cluster may be gone.
            ray_core.delete(token, _SPACE)


def borrow(token: str) -> None:
    """Makes this process seal its checkpoints with the sweep's key from now on."""
    entry = ray_core.get(token, _SPACE)
    if entry is not None:  # Else the sweep is ending, and its last checkpoint is sealed with the user's own.
        name, _, secret = entry.decode().partition(" ")
        seal_key.borrow(seal_key.SealKey(name, bytes.fromhex(secret)))
