from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def ray_started() -> Iterator[None]:
    import ray

    mine = not ray.is_initialized()
    if mine:
        ray.init(
            address="local", num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
        )
    yield
    if mine:
        ray.shutdown()
