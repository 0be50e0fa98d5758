"""A process that has the large libraries imported and forks Ray's worker processes: the imports are paid once.

It is this file, run as a script (`fork_server.py ADDRESS LIBRARY ...`): see `import_ahead`. Imports only the standard
library before the libraries that it is given. Ray's own modules are not for it: they read their settings
from the environment as they load, and those are each worker's own. `worker_start.py`, which Ray starts in place of a
worker, asks; whom nobody answers starts as Ray's workers always do.

The listening socket has a name and no file (Linux), so nothing is left behind; only this user's processes are heard.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import types
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PEER = struct.Struct("3i")
"""Process, user and group at the other end of a connection."""


def serve(address: str, libraries: Sequence[str]) -> None:
    """Import and fork, until standard input ends, as the driver does; returns in each fork that is a worker now."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the driver.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(f"\0{address}")
        listening.listen(128)
        _import(libraries)
        signal.signal(
            signal.SIGCHLD, signal.SIG_IGN
        )  # Nobody waits for a worker: Ray sees its end by itself.
        while True:
            _wait(listening)
            asking, _ = listening.accept()
            with asking:
                if _user_of(asking) == os.getuid() and _fork() == 0:
                    listening.close()
                    _become(asking)
                    return


def _import(libraries: Sequence[str]) -> None:
    before = gc.get_threshold()
    gc.set_threshold(50_000, 50, 1_000)
    for name in libraries:
        _wait()
        with contextlib.suppress(ImportError):  # Whoever needs it will say so.
            importlib.import_module(name)
    gc.freeze()  # What is here stays: the collector would only make the forks' pages their own.
    gc.set_threshold(*before)


def _wait(listening: socket.socket | None = None) -> None:
    """Until somebody asks; not at all without a socket. Ends the process when the driver is gone."""
    asked = [listening] if listening is not None else []
    ready, _, _ = select.select([sys.stdin, *asked], [], [], None if asked else 0)
    if sys.stdin in ready:
        sys.exit(0)


def _fork() -> int:
    with warnings.catch_warnings():
        # The allocator's thread, the only one here, is made for forks.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _user_of(connection: socket.socket) -> int:
    _, user, _ = PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
    return int(user)


def _become(asking: socket.socket) -> None:
    """Take over what Ray gave the process that asks, and let that one go."""
    begin, streams, _, _ = socket.recv_fds(asking, 1, 3)
    with asking.makefile("rb") as rest:
        given: dict[str, Any] = json.loads(begin + rest.read())
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(given["environment"])
    os.chdir(given["folder"])
    os.umask(given["umask"])
    with contextlib.suppress(OSError):  # Of another terminal session: the group that it has will do.
        os.setpgid(0, given["group"])
    with contextlib.suppress(OSError):
        os.nice(given["nice"] - os.nice(0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(given["oom_score_adj"])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, given["blocked"])
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # Else each fork would draw the same numbers.
    sys.argv = given["arguments"]
    sys.path.insert(0, str(Path(sys.argv[0]).parent))
    asking.sendall(b"done")


def _run(script: Path) -> None:
    """As the interpreter runs a script.

    Not `runpy`, whose frames belong to no module: `inspect.stack`, which RLlib calls dozens of times as it builds an
    algorithm, searches all modules for each such frame, each time.
    """
    sys.modules["fork_server"] = sys.modules["__main__"]
    sys.modules["__main__"] = main = types.ModuleType("__main__")
    main.__file__ = str(script)
    exec(compile(script.read_bytes(), script, "exec"), main.__dict__)


if __name__ == "__main__":
    del sys.path[0]  # This file's folder: its modules have names that others may have, too.
    serve(sys.argv[1], sys.argv[2:])
    _run(Path(sys.argv[0]))
