"""What stands in for Ray in a local run gets out of Ray's way everywhere else."""

import cloudpickle
import ray

from rlexp.compat.rllib_without_ray import LazyRay, LocalRef


def test_sent_to_another_process_it_is_ray_itself() -> None:
    assert cloudpickle.loads(cloudpickle.dumps(LazyRay(ray))) is ray


def test_a_value_put_without_ray_comes_back_the_same() -> None:
    value, lazy = object(), LazyRay(ray)
    assert lazy.get(LocalRef(value)) is value
    if not ray.is_initialized():
        assert lazy.get(lazy.put(value)) is value
        assert not ray.is_initialized()
