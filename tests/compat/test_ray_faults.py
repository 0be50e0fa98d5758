"""Stock Ray still does what the patches put right: where one of these fails, its row can go."""

from __future__ import annotations

import inspect
from pathlib import Path

import ray


def test_ray_starts_a_monitor_and_an_api_server_for_one_run() -> None:
    from ray._private.node import Node

    source = inspect.getsource(Node.start_head_processes)
    assert "self.start_monitor()" in source and "self.start_api_server(" in source


def test_rays_script_for_workers_imports_ray_to_start_another_process() -> None:
    script = Path(ray.__file__).parent / "_private" / "workers" / "setup_worker.py"
    source = script.read_text()
    assert "\nfrom ray." in source and "exec_worker(" in source


def test_ray_asks_for_a_node_once_and_then_sleeps() -> None:
    from ray._private import services

    waits = inspect.signature(services.get_node_with_retry).parameters["retry_interval_s"].default
    assert waits >= 0.5
    assert "get_node(" in inspect.getsource(services.get_node_with_retry), "ours is no longer asked"


def test_a_driver_has_no_placement_group_and_captures_nothing() -> None:
    """Both are asked of the C++ worker, and nothing in Python's API sets them for a driver."""
    from ray._private.worker import Worker

    for name in ("placement_group_id", "should_capture_child_tasks_in_placement_group"):
        asked = vars(Worker)[name]
        assert isinstance(asked, property) and asked.fset is None
        assert "core_worker" in inspect.getsource(asked.fget)


def test_ray_sets_the_threads_in_the_environment_alone() -> None:
    from ray._private import utils

    source = inspect.getsource(inspect.getmodule(utils).set_omp_num_threads_if_unset)
    assert 'os.environ["OMP_NUM_THREADS"]' in source and "set_num_threads(" not in source
