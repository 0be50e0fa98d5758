"""Whether a Ray cluster answers at an address, within bounded time and without Ray; a watch on a joined one."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

from rlexp.base.errors import EXIT_FAILED, ConfigError
from rlexp.base.shell_commands import shell_command
from rlexp.hardware.machine.machine import Cluster, find_cluster, split_address
from rlexp.storage.buckets.local_copies import address as place

PROBE_S = 5.0
EVERY_S = 3.0
PATIENCE_S = 45.0
"""A head that is started anew within that time may go on where it was; Ray itself waits 60 s."""
# An HTTP/2 client's first words and empty SETTINGS; every gRPC server answers with SETTINGS of its own.
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_FRAME, _SETTINGS = 9, 4


def cluster_address(setting: str) -> str:
    """The address that `hardware.address=setting` means, checked to answer like a Ray cluster.

    Args:
        setting: `auto`, `host:port` or `ray://host:port`.

    Raises:
        ConfigError: there is no such cluster; within about five seconds.
    """
    if setting == "auto":
        cluster: Cluster | None = find_cluster()
        if cluster is None:
            raise ConfigError(
                "hardware.address=auto, but RAY_ADDRESS is not set and no Ray cluster was started here",
                key="hardware.address",
                fix="hardware.address=<host>:6379   (or `ray start --head` first, or hardware.address=local)",
            )
        address, where = cluster.address, f" (from {cluster.source})"
    else:
        address, where = setting, ""
    problem = connection_problem(address)
    if problem:
        raise ConfigError(
            f"hardware.address={setting}: no Ray cluster at {address}{where}: {problem}",
            key="hardware.address",
            fix="hardware.address=<host>:<port> of a running head node, or hardware.address=local",
        )
    return address


def connection_problem(address: str, timeout_s: float = PROBE_S) -> str | None:
    """The reason why `address` is no Ray cluster's, or None when a server of the right kind answers."""
    try:
        host, port = split_address(address)
    except ValueError as error:
        return str(error)
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as link:
            if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
                return None
            link.settimeout(timeout_s)
            link.sendall(_HELLO)
            head = link.recv(_FRAME, socket.MSG_WAITALL)
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except (OSError, UnicodeError) as error:
        return f"{getattr(error, 'strerror', None) or error}".lower()
    if len(head) == _FRAME and head[3] == _SETTINGS:
        return None
    return "something else listens there"


class HeadWatch(threading.Thread):
    """Asks the head every few seconds whether it is there, until `close`; ends the process where it is gone.

    With a message to the person: Ray would end it without one.

    Args:
        address: of the cluster that this process has joined.
        folder: of the run or sweep, named in the message; None where there is none.
    """

    def __init__(self, address: str, folder: Path | None) -> None:
        super().__init__(name="head watch", daemon=True)
        self._address, self._folder = address, folder
        self._closed = threading.Event()

    def run(self) -> None:
        """Asks until it is closed."""
        gone_since = None
        while not self._closed.wait(EVERY_S):
            problem = connection_problem(self._address)
            if problem is None:
                gone_since = None
                continue
            gone_since = gone_since or time.monotonic()
            if time.monotonic() - gone_since >= PATIENCE_S:
                self._end(problem)

    def _end(self, problem: str) -> None:
        from rlexp.terminal.quiet import terminal

        screen = terminal()
        message = f"the Ray cluster at {self._address} is gone ({problem}); what was saved stands"
        if self._folder is not None:
            resume = shell_command("resume", place(self._folder))
            message += f"\n  write: {resume} hardware.address=<another cluster, or local>"
        screen.error(message)
        screen.console.show_cursor()
        os._exit(EXIT_FAILED)

    def close(self) -> None:
        """Ends the watch: the process leaves the cluster."""
        self._closed.set()
