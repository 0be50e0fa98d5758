"""A Ray that is started here, for one run or sweep: ready when its node is, and without processes that nothing asks.

Imported only once Ray is started: it imports Ray.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rlexp.compat.applied import usable
from rlexp.compat.ray_workers import worker_start

ASK_S, PATIENCE_S = 0.02, 5.0
UNASKED = ("start_monitor", "start_api_server")
"""Of Ray's node: what would bring up more machines, and a dashboard's server without a dashboard."""


@contextmanager
def lean() -> Iterator[None]:
    """Meanwhile `ray.init` starts a node with two processes less, whose workers begin by `worker_start.py`.

    The two cost a second of CPU while trials' processes begin, and Ray's own script for workers half a second in each.
    Whether the node is known is asked every few milliseconds: Ray asks once, too early, and then sleeps for a second.
    Of these, what the installed Ray does not allow is left as it is.
    """
    changes = _changes()
    before = {place: getattr(*place) for place in changes}
    for place, value in changes.items():
        setattr(*place, value)
    try:
        yield
    finally:
        for place, value in before.items():
            setattr(*place, value)


def _changes() -> dict[tuple[Any, str], Any]:
    """What is put in place of what, by owner and name."""
    changes: dict[tuple[Any, str], Any] = {}
    if usable("ray.node_start"):
        from ray._private.node import Node

        changes |= {(Node, name): lambda *_, **__: None for name in UNASKED}
    if usable("ray.worker_start"):
        from ray._private.node import Node

        changes[Node, "start_raylet"] = _with_worker_start(Node.start_raylet)
    if usable("ray.node_wait"):
        from ray._private import services

        changes[services, "get_node"] = _get_node(services.get_node)
    return changes


def _with_worker_start(known: Any) -> Any:
    def start_raylet(node: Any, *arguments: Any, **named: Any) -> Any:
        node._ray_params.setup_worker_path = worker_start.__file__
        return known(node, *arguments, **named)

    return start_raylet


def _get_node(known: Any) -> Any:
    from ray._private import services
    from ray._private.state import GlobalState

    def get_node(gcs_address: str, node_id: str) -> Any:
        state = GlobalState()
        state._initialize_global_state(services._get_gcs_client_options(gcs_address))
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and all(node["NodeID"] != node_id for node in state.node_table()):
            time.sleep(ASK_S)
        return known(gcs_address, node_id)

    return get_node
