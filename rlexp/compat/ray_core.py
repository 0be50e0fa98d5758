"""Private parts of Ray's core, and what is asked of them: rows `ray.*`.

The processes of all machines share small values by Ray's own key-value store (`put`, `get`, `delete`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlexp.compat import applied

_STORE = "ray.key_value_store"


def store_is_open() -> bool:
    """True while this process is part of a cluster."""
    with applied.needed(_STORE):
        from ray.experimental import internal_kv

        return bool(internal_kv._internal_kv_initialized())


def put(key: str, value: bytes, space: bytes) -> None:
    """Stores a value for all processes of the cluster, in place of one that has the key already."""
    with applied.needed(_STORE):
        from ray.experimental import internal_kv

        internal_kv._internal_kv_put(key.encode(), value, overwrite=True, namespace=space)


def get(key: str, space: bytes) -> bytes | None:
    """The value that any process has put; None where there is none."""
    with applied.needed(_STORE):
        from ray.experimental import internal_kv

        value: bytes | None = internal_kv._internal_kv_get(key.encode(), namespace=space)
        return value


def delete(key: str, space: bytes) -> None:
    """Removes a value, if it is there."""
    with applied.needed(_STORE):
        from ray.experimental import internal_kv

        internal_kv._internal_kv_del(key.encode(), namespace=space)


def session_folder() -> Path:
    """The folder of this start of Ray, with its sockets and logs."""
    with applied.needed("ray.session_folder"):
        from ray._private.worker import global_worker

        return Path(global_worker.node.get_session_dir_path())


@contextmanager
def in_placement_group(group_id: Any) -> Iterator[None]:
    """This process counts as being in a placement group: actors that are made meanwhile lie in it, for good.

    Raises:
        ConfigError: Ray no longer asks in the way that is known.
    """
    applied.need("ray.placement")
    from ray._private.worker import Worker

    # What Ray asks for when an actor is made: which group its maker is in, and whether to share it.
    before = (Worker.placement_group_id, Worker.should_capture_child_tasks_in_placement_group)
    Worker.placement_group_id = property(lambda self: group_id)
    Worker.should_capture_child_tasks_in_placement_group = property(lambda self: True)
    try:
        yield
    finally:
        Worker.placement_group_id, Worker.should_capture_child_tasks_in_placement_group = before


def when_threads_are_set(follow: Callable[[], None]) -> None:
    """Calls `follow` whenever Ray has set OMP_NUM_THREADS for a task or actor of this process."""
    if not applied.usable("ray.torch_threads"):
        return
    from ray._private import utils

    set_by_ray = utils.set_omp_num_threads_if_unset

    def set_and_follow() -> bool:
        if not set_by_ray():
            return False
        follow()
        return True

    utils.set_omp_num_threads_if_unset = set_and_follow


def replace_import_places(job_config: Any, replace: Callable[[list[str]], list[str]]) -> None:
    """Changes the folders that workers of a `JobConfig` import from."""
    job_config._py_driver_sys_path = replace(job_config._py_driver_sys_path)
