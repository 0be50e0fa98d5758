"""Trials in the processes that Ray has ready, which have imported RLlib while the sweep's own began.

Ray Tune gives its trials' processes environment variables of their own, none of which are read here; so Ray ends those
that it has ready, and starts others.

Imported only once a sweep runs: it imports Ray Tune.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.tune.execution import tune_controller
from ray.tune.execution.class_cache import _ActorClassCache


class _AsTheyAre(_ActorClassCache):
    def get(self, trainable_cls: type) -> Any:
        """See Ray Tune's: the class as an actor's, made once."""
        if trainable_cls not in self._cache:
            self._cache[trainable_cls] = ray.remote(trainable_cls)
        return self._cache[trainable_cls]


@contextmanager
def processes_as_they_are() -> Iterator[None]:
    """Meanwhile `ray.tune.run` takes processes without variables of Tune's."""
    before = tune_controller._ActorClassCache
    tune_controller._ActorClassCache = _AsTheyAre
    try:
        yield
    finally:
        tune_controller._ActorClassCache = before
