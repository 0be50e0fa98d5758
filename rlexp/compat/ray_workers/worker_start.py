"""Started by Ray in place of its `setup_worker.py`, with the same arguments: has a worker forked, or becomes one.

Ray's own script imports Ray only to start the worker as another process, which imports it again. It is left what this
one does not know: a runtime environment. Imports only the standard library.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path

ADDRESS = "RLEXP_FORK_SERVER"
"""Of `fork_server.py`, in the environment of Ray's processes."""
LANGUAGE, PYTHON = "--language=", "--language=PYTHON"
RUNTIME_ENV, OTHER_KIND = "--serialized-runtime-env-context=", "--worker-type="


def main(arguments: list[str]) -> None:
    """Does not return."""
    if PYTHON not in arguments or _has(arguments, RUNTIME_ENV):
        os.execv(sys.executable, [sys.executable, _script_of_ray(), *arguments])
    worker = [argument for argument in arguments if not argument.startswith(LANGUAGE)]
    of_its_own = _has(arguments, OTHER_KIND) or worker[0].startswith("-")  # Flags of the interpreter's.
    if not of_its_own and ADDRESS in os.environ and _forked(os.environ[ADDRESS], worker):
        os._exit(0)
    os.execv(sys.executable, [sys.executable, *worker])


def _has(arguments: list[str], option: str) -> bool:
    return any(argument.startswith(option) for argument in arguments)


def _script_of_ray() -> str:
    ray = importlib.util.find_spec("ray")
    assert ray is not None and ray.origin is not None, "started by it"
    return str(Path(ray.origin).parent / "_private" / "workers" / "setup_worker.py")


def _forked(address: str, arguments: list[str]) -> bool:
    """Whether the server at `address` has become the worker in this process's stead."""
    given = {
        "arguments": arguments,
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "umask": _umask(),
        "group": os.getpgrp(),
        "nice": os.nice(0),
        "oom_score_adj": Path("/proc/self/oom_score_adj").read_text(),
        "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
    }
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.connect(f"\0{address}")
        if _user_of(server) != os.getuid():  # Somebody else took the name first, to be given our environment.
            return False
        request = json.dumps(given).encode()
        socket.send_fds(server, [request[:1]], [0, 1, 2])
        server.sendall(request[1:])
        server.shutdown(socket.SHUT_WR)
        return server.recv(4) == b"done"
    return False


def _user_of(connection: socket.socket) -> int:
    peer = struct.Struct("3i")  # Process, user and group at the other end.
    return int(peer.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, peer.size))[1])


def _umask() -> int:
    os.umask(mask := os.umask(0))
    return mask


if __name__ == "__main__":
    main(sys.argv[1:])
