"""Stock Tune still does what the patches put right: where one of these fails, its row can go."""

from __future__ import annotations

import inspect
import signal
import threading
from importlib import import_module

import pytest


def test_tune_gives_trials_an_environment_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray
    from ray.tune.execution.class_cache import _ActorClassCache

    asked: list[dict] = []
    monkeypatch.setattr(ray, "remote", lambda **options: asked.append(options) or (lambda cls: cls))
    _ActorClassCache().get(object)
    assert asked[0]["runtime_env"]["env_vars"]


def test_tune_imports_callbacks_of_others_to_count_its_own() -> None:
    from ray.air._internal import usage

    assert "import" in inspect.getsource(usage._count_callbacks)
    assert "wandb" in inspect.getsource(usage).lower()


def test_tune_takes_over_sigusr1() -> None:
    assert threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGUSR1)}
    try:
        import_module("ray.tune.tune")._setup_signal_catching()
        assert signal.getsignal(signal.SIGUSR1) is not before[signal.SIGUSR1]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_tune_counts_a_lost_machine_as_a_trials_failure() -> None:
    from types import SimpleNamespace

    from ray.exceptions import ActorDiedError
    from ray.tune.experiment import Trial

    trial = SimpleNamespace(run_metadata=SimpleNamespace(num_failures=0))
    Trial._handle_ray_actor_error(trial, ActorDiedError())
    assert trial.run_metadata.num_failures == 1


def test_a_trainable_writes_to_the_home_folder() -> None:
    from ray.tune.trainable import trainable

    assert "dir=DEFAULT_STORAGE_PATH" in inspect.getsource(trainable.Trainable)
    assert trainable.DEFAULT_STORAGE_PATH.endswith("ray_results")
