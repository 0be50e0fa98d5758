"""RLlib in one process without Ray's.

With a local env runner and a local learner the only thing that starts Ray (2 s, a dozen processes) is an
`EnvRunnerGroup` putting its config into the object store, which nobody then reads. While Ray is not running,
`put` keeps the value here and `get` hands it back; once Ray runs, both are Ray's own again.

Imported only once training starts: it imports Ray.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import ray

from rlexp.compat.applied import need, usable


class LocalRef:
    """A value in this process where Ray would have an object reference."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class LazyRay:
    """The `ray` module as one RLlib module sees it; `put` and `get` do not start Ray."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        # RLlib sends functions to its workers that name `ray`; there, it is Ray itself.
        return import_module, ("ray",)

    def put(self, value: Any, **options: Any) -> Any:
        """As `ray.put`, or a `LocalRef` while Ray is not running."""
        return ray.put(value, **options) if ray.is_initialized() else LocalRef(value)

    def get(self, refs: Any, **options: Any) -> Any:
        """As `ray.get`, for references of either kind."""
        return refs.value if isinstance(refs, LocalRef) else ray.get(refs, **options)


def install() -> None:
    """Lets `EnvRunnerGroup` and `Algorithm` work before Ray is started; doing it twice is harmless."""
    from ray.rllib.algorithms import algorithm
    from ray.rllib.env import env_runner_group, single_agent_env_runner

    if not usable("rllib.local_objects"):
        return
    for module in (env_runner_group, algorithm, single_agent_env_runner):
        if not isinstance(module.ray, LazyRay):
            module.ray = LazyRay(module.ray)


@contextlib.contextmanager
def results_in(folder: str) -> Iterator[None]:
    """Trainables made meanwhile put their log folders into `folder`, not into the home folder."""
    need("tune.results_folder")
    from ray.tune.trainable import trainable

    before = trainable.DEFAULT_STORAGE_PATH
    trainable.DEFAULT_STORAGE_PATH = folder
    try:
        yield
    finally:
        trainable.DEFAULT_STORAGE_PATH = before
