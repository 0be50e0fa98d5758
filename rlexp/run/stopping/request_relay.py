"""An interrupt's way from the command's process to those that train for it, on whatever machine they are.

It goes through the memory of Ray's head, which they ask some times a second: a call to an actor would wait behind the
iteration or the update that is to be broken off.

Imported only once Ray runs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rlexp.compat import ray_core
from rlexp.environment.hangs import interrupt_sampling

ASK_S = 0.25
_SPACE = b"rlexp interrupts"


def announce(token: str) -> None:
    """Those that listen to `token` break off what they are at."""
    ray_core.put(token, b"1", _SPACE)


def forget(token: str) -> None:
    """Nothing is to be broken off any more; harmless where Ray is gone."""
    with suppress(Exception):
        ray_core.delete(token, _SPACE)


@contextmanager
def listening(token: str, grace_s: float | None = None) -> Iterator[None]:
    """While inside, what this process trains is broken off once `token` is announced; `grace_s`: see `cutting`."""
    over = threading.Event()
    with interrupt_sampling.cuttable():
        if ray_core.store_is_open():
            threading.Thread(
                target=_listen, args=(token, grace_s, over), name="interrupts", daemon=True
            ).start()
        try:
            yield
        finally:
            over.set()


def _listen(token: str, grace_s: float | None, over: threading.Event) -> None:
    while not over.wait(ASK_S):
        with suppress(Exception):  # Of a head that is busy or gone.
            if ray_core.get(token, _SPACE) is not None:
                interrupt_sampling.request(grace_s)
                return
