"""One small Ray for the tests that need RLlib's remote runners."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def small_ray() -> Iterator[None]:
    import metric_samples
    import ray
    from ray import cloudpickle

    # Remote processes cannot import what lies beside the tests.
    cloudpickle.register_pickle_by_value(metric_samples)
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
    cloudpickle.unregister_pickle_by_value(metric_samples)
