"""Ray Tune without what costs seconds and is of no use to a sweep here.

It gives its trials' processes environment variables of their own, none of which are read here; so Ray would end those
that it has ready, which have imported RLlib while the sweep's own began, and start others. And it counts callbacks by
kind for statistics that are off, for which it imports those of W&B and others. And it takes over SIGUSR1, which the
sweep answers itself.

Imported only once a sweep runs: it imports Ray Tune.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import ray

from rlexp.compat.applied import need, usable


@contextmanager
def lean() -> Iterator[None]:
    """Meanwhile `ray.tune.run` takes processes as they are, and counts nothing unless the user wants it counted.

    What the installed Ray does not allow of these two is left as it is.

    Raises:
        ConfigError: Tune's way of catching signals is no longer the one that is known.
    """
    need("tune.signals")
    with ExitStack() as changes:
        # The package has a function of the module's name.
        changes.enter_context(
            _replaced(importlib.import_module("ray.tune.tune"), "_setup_signal_catching", threading.Event)
        )
        if usable("tune.actor_classes"):
            from ray.tune.execution import tune_controller

            changes.enter_context(_replaced(tune_controller, "_ActorClassCache", _classes_as_they_are()))
        if os.environ.get("RAY_USAGE_STATS_ENABLED") == "0" and usable("tune.usage"):
            from ray.air._internal import usage

            changes.enter_context(_replaced(usage, "tag_callbacks", lambda callbacks: False))
        yield


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _classes_as_they_are() -> type:
    from ray.tune.execution.class_cache import _ActorClassCache

    class AsTheyAre(_ActorClassCache):
        """A trainable class as an actor's, made once."""

        def get(self, trainable_cls: type) -> Any:
            """See Ray Tune's."""
            if trainable_cls not in self._cache:
                self._cache[trainable_cls] = ray.remote(trainable_cls)
            return self._cache[trainable_cls]

    return AsTheyAre
