"""The large libraries that a session's workers need, imported before there is a session: see `fork_server`."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlexp.base.processes.leftovers import MARK, mark_of_this_process
from rlexp.compat.ray_workers import fork_server
from rlexp.config.schema import RunConfig
from rlexp.hardware.ray_session.process_env_vars import worker_variables

THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""As Ray has it in its workers; and no thread of a library's is there when the process forks."""


@dataclass
class _Server:
    """A fork server of this process.

    Attributes:
        address: where it listens.
        given: what its environment has and this process's has not; a session with another one cannot use it.
        process: it ends when its standard input does, so also when this process is killed.
    """

    address: str
    given: dict[str, str]
    process: subprocess.Popen[bytes]


_servers: list[_Server] = []


def begin(config: RunConfig, libraries: Sequence[str]) -> None:
    """Starts importing for the session that `config` will start, if that is one of its own; harmless if begun.

    Args:
        config: the run, or a sweep's first.
        libraries: modules, none of them Ray's or importing Ray.
    """
    given = {MARK: mark_of_this_process(), **worker_variables(config)}
    if sys.platform != "linux" or config.hardware.address != "local" or address(given):
        return
    end()
    name = secrets.token_hex(16)
    process = subprocess.Popen(
        [sys.executable, fork_server.__file__, name, *libraries],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**THREADS, **os.environ, **given},
    )
    _servers.append(_Server(name, given, process))


def address(given: Mapping[str, str]) -> str | None:
    """The address of a begun server whose workers' environment is what `given` says; None without one."""
    for server in _servers:
        if server.process.poll() is None and server.given.items() == given.items():
            return server.address
    return None


def end() -> None:
    """Ends the server; the workers that it has become go on."""
    while _servers:
        with _servers.pop().process as process:
            process.kill()
