"""A Ray that is started here, for one run or sweep: ready when its node is, and without processes that nothing asks.

Imported only once Ray is started: it imports Ray.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray._private import services
from ray._private.node import Node
from ray._private.state import GlobalState

ASK_S, PATIENCE_S = 0.02, 5.0
UNASKED = ("start_monitor", "start_api_server")
"""Of Ray's node: what would bring up more machines, and a dashboard's server without a dashboard."""


@contextmanager
def lean() -> Iterator[None]:
    """Meanwhile `ray.init` starts a node with two processes less, and asks every few milliseconds whether it is known.

    The two cost a second of CPU while trials' processes begin. Ray asks at once, too early, and then sleeps for a
    second.
    """
    changes: dict[tuple[Any, str], Any] = {(Node, name): lambda *_, **__: None for name in UNASKED}
    changes[services, "get_node"] = _get_node(services.get_node)
    before = {place: getattr(*place) for place in changes}
    for place, value in changes.items():
        setattr(*place, value)
    try:
        yield
    finally:
        for place, value in before.items():
            setattr(*place, value)


def _get_node(known: Any) -> Any:
    def get_node(gcs_address: str, node_id: str) -> Any:
        state = GlobalState()
        state._initialize_global_state(services._get_gcs_client_options(gcs_address))
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and all(node["NodeID"] != node_id for node in state.node_table()):
            time.sleep(ASK_S)
        return known(gcs_address, node_id)

    return get_node
