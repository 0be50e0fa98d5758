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
from contextlib import contextmanager
from typing import Any

import ray
from ray.air._internal import usage
from ray.tune.execution import tune_controller
from ray.tune.execution.class_cache import _ActorClassCache

_tune_run: Any = importlib.import_module("ray.tune.tune")


class _AsTheyAre(_ActorClassCache):
    def get(self, trainable_cls: type) -> Any:
        """See Ray Tune's: the class as an actor's, made once."""
        if trainable_cls not in self._cache:
            self._cache[trainable_cls] = ray.remote(trainable_cls)
        return self._cache[trainable_cls]


@contextmanager
def lean() -> Iterator[None]:
    """Meanwhile `ray.tune.run` takes processes as they are, and counts nothing unless the user wants it counted."""
    classes, tag = tune_controller._ActorClassCache, usage.tag_callbacks
    catching = _tune_run._setup_signal_catching
    tune_controller._ActorClassCache = _AsTheyAre
    _tune_run._setup_signal_catching = threading.Event
    if os.environ.get("RAY_USAGE_STATS_ENABLED") == "0":
        usage.tag_callbacks = lambda _: False
    try:
        yield
    finally:
        tune_controller._ActorClassCache, usage.tag_callbacks = classes, tag
        _tune_run._setup_signal_catching = catching
