"""Ray Tune without what costs seconds and is of no use to a sweep here.

It gives its trials' processes environment variables of their own, none of which are read here; so Ray would end those
that it has ready, which have imported RLlib while the sweep's own began, and start others. And it counts callbacks by
kind for statistics that are off, for which it imports those of W&B and others.

Imported only once a sweep runs: it imports Ray Tune.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.air._internal import usage
from ray.tune.execution import tune_controller
from ray.tune.execution.class_cache import _ActorClassCache


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
    tune_controller._ActorClassCache = _AsTheyAre
    if os.environ.get("RAY_USAGE_STATS_ENABLED") == "0":
        usage.tag_callbacks = lambda _: False
    try:
        yield
    finally:
        tune_controller._ActorClassCache, usage.tag_callbacks = classes, tag
