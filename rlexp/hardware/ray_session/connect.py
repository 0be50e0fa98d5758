"""Whether a Ray cluster answers at an address, told in bounded time and without Ray."""

from __future__ import annotations

import os
import socket

from rlexp.base.errors import ConfigError
from rlexp.hardware.machine.machine import Cluster, find_cluster, split_address

PROBE_S = 5.0
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
    problem = why_not(address)
    if problem:
        raise ConfigError(
            f"hardware.address={setting}: no Ray cluster at {address}{where}: {problem}",
            key="hardware.address",
            fix="hardware.address=<host>:<port> of a running head node, or hardware.address=local",
        )
    return address


def why_not(address: str, timeout_s: float = PROBE_S) -> str | None:
    """Why `address` is no Ray cluster's, or None when a server of the right kind answers."""
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
