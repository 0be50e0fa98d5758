"""One small Ray for the tests that need RLlib's remote runners."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small_ray() -> Iterator[None]:
    import ray

    before = os.environ.get("PYTHONPATH")
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[2]), *([before] if before else [])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    started = not ray.is_initialized()
    if started:
        ray.init(
            address="local",
            num_cpus=4,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            object_store_memory=200_000_000,
        )
    yield
    if started:
        ray.shutdown()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before
