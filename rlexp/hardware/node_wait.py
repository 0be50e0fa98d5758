"""A Ray that is started here is ready when its node is, not a second later.

Imported only once Ray is started: it imports Ray.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray._private import services
from ray._private.state import GlobalState

ASK_S, PATIENCE_S = 0.02, 5.0


@contextmanager
def asking_often() -> Iterator[None]:
    """Meanwhile `ray.init` asks every few milliseconds whether the node it has started is known.

    Ray asks at once, too early, and then sleeps for a second.
    """
    before = services.get_node

    def get_node(gcs_address: str, node_id: str) -> Any:
        state = GlobalState()
        state._initialize_global_state(services._get_gcs_client_options(gcs_address))
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and all(node["NodeID"] != node_id for node in state.node_table()):
            time.sleep(ASK_S)
        return before(gcs_address, node_id)

    services.get_node = get_node
    try:
        yield
    finally:
        services.get_node = before
