"""Where a target of a merely faster patch is gone, a line in the log says so and everything goes on."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import train_tiny

from rlexp.compat import (
    applied,
    caller_frames,
    determinism,
    lean_tune,
    monotonic_clock,
    node_start,
    rllib_without_ray,
)


@pytest.fixture(autouse=True)
def unlogged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(applied, "_logged", set())
    yield


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == applied.__name__]


@pytest.mark.parametrize("gone", ["start_monitor", "start_raylet", "get_node", "module"])
def test_a_start_of_ray_is_slower_and_not_refused(
    gone: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from ray._private import node, services

    stock = inspect.getattr_static(node.Node, "start_api_server")
    if gone == "module":
        monkeypatch.setitem(sys.modules, "ray._private.node", None)
    else:
        monkeypatch.delattr(services if gone == "get_node" else node.Node, gone)
    with node_start.lean():
        kept = inspect.getattr_static(node.Node, "start_api_server") is stock
        assert kept == (gone in ("start_monitor", "module"))
    assert inspect.getattr_static(node.Node, "start_api_server") is stock
    told = _lines(caplog)
    assert told and all("goes without ray." in line and "second" in line for line in told)


def test_a_function_of_another_shape_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from ray._private import services

    monkeypatch.setattr(services, "get_node", other := lambda client, node_id, deadline: None)
    with node_start.lean():
        assert services.get_node is other
    assert "ray._private.services:get_node is changed" in _lines(caplog)[0]


def test_the_line_is_logged_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    from ray.rllib.connectors import connector_v2

    monkeypatch.delattr(connector_v2, "inspect")
    caller_frames.install()
    caller_frames.install()
    assert len(_lines(caplog)) == 1 and not hasattr(connector_v2, "inspect")


def test_seeding_stays_rllibs(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    import torch
    from ray.rllib.utils.debug import deterministic

    monkeypatch.delattr(torch._C, "_set_deterministic_algorithms")
    monkeypatch.setattr(deterministic, "set_torch_seed", stock := lambda seed=None: None)
    determinism.seed_without_compiler()
    assert deterministic.set_torch_seed is stock and "torch.deterministic_mode" in _lines(caplog)[0]


def test_clocks_and_local_objects_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from ray.rllib.env import env_runner_group
    from ray.tune.execution import tune_controller

    monkeypatch.delattr(tune_controller, "time")
    monkeypatch.delattr(env_runner_group, "ray")
    monotonic_clock.install("ray.tune.execution.tune_controller")
    rllib_without_ray.install()
    assert not hasattr(tune_controller, "time") and not hasattr(env_runner_group, "ray")
    assert len(_lines(caplog)) == 2


def test_a_sweep_takes_tunes_classes_where_ours_do_not_fit(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from ray.tune.execution import class_cache, tune_controller

    stock = tune_controller._ActorClassCache
    monkeypatch.setattr(class_cache._ActorClassCache, "get", lambda self, trainable, resources: None)
    with lean_tune.lean():
        assert tune_controller._ActorClassCache is stock
    assert "tune.actor_classes" in _lines(caplog)[0]


def test_a_run_goes_on_where_torch_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.optim import Optimizer

    stock = Optimizer.zero_grad
    monkeypatch.setattr(Optimizer, "zero_grad", lambda self, none=True: stock(self, none))
    outcome = train_tiny(["env=cartpole", "algorithm=ppo", "tracking=none", "evaluation=none"], tmp_path)
    assert outcome.status == "done"
    log = (outcome.folder / "log.txt").read_text()
    assert log.count("goes without torch.optimizer_methods") == 1


@pytest.mark.slow
def test_a_run_with_remote_runners_goes_on_where_ray_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray._private import services

    stock = services.get_node
    monkeypatch.setattr(services, "get_node", lambda client, node_id: stock(client, node_id))
    remote = ["env=cartpole", "algorithm=ppo", "hardware.num_env_runners=1"]
    outcome = train_tiny([*remote, "tracking=none", "evaluation=none"], tmp_path)
    assert outcome.status == "done"
    assert "goes without ray.node_wait" in (outcome.folder / "log.txt").read_text()
