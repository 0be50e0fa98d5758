"""What all tests share: nothing is sent anywhere, and one Ray session for those that need one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from harness import CHECKOUT


@pytest.fixture(autouse=True, scope="session")
def _nothing_leaves() -> None:
    os.environ["WANDB_MODE"] = "offline"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """A Ray that runs find in place and leave running; its processes can import the tests' own modules."""
    import ray

    mine = not ray.is_initialized()
    if mine:
        before = os.environ.get("PYTHONPATH")
        folders = [
            str(CHECKOUT),
            *(str(path) for path in sorted((CHECKOUT / "tests").iterdir()) if path.is_dir()),
        ]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [*folders, before]))
        ray.init(
            address="local",
            num_cpus=4,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            object_store_memory=200_000_000,
        )
        os.environ["PYTHONPATH"] = before or ""
    yield
    if mine:
        ray.shutdown()
